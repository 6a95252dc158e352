import pytest
import torch
from torch.nn import functional
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

from crossemo.encoders.mel_conformer import MelShape, decibels, mirrored, strided

SHAPE = MelShape(128, 240, 6.768444971712967, 18.417922652295623, 512, (2, 2))


def test_each_clip_is_continued_by_its_own_mirror_image() -> None:
    clips = torch.randn(3, 40)
    lengths = [40, 31, 12]
    continued = mirrored(clips, lengths, 11)
    for clip, length in enumerate(lengths):
        alone = functional.pad(clips[clip : clip + 1, :length], (11, 11), "reflect")[0]
        assert torch.equal(continued[clip, : length + 22], alone)


def test_spectrograms_are_torchaudio_s_of_each_clip_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    clips = torch.randn(3, 9000, generator=generator) * torch.tensor(
        [[1.0], [1e-3], [0.0]]
    )
    lengths = [9000, 1025, 4799]
    together = decibels(clips, lengths, SHAPE)
    mel = MelSpectrogram(24_000, n_fft=2048, hop_length=240, n_mels=128)
    for clip, length in enumerate(lengths):
        alone = AmplitudeToDB()(mel(clips[clip, :length]))[:, :-1]
        assert alone.shape[1] == length // 240
        torch.testing.assert_close(
            together[clip, :, : length // 240], alone, rtol=1e-5, atol=1e-4
        )


@pytest.mark.parametrize("stride", [1, 2])
def test_frames_are_as_many_as_a_padded_convolution_gives(stride: int) -> None:
    counts = list(range(1, 12))
    convolution = torch.nn.Conv1d(1, 1, 3, stride, padding=1)
    expected = [convolution(torch.zeros(1, 1, count)).shape[-1] for count in counts]
    assert strided(counts, stride) == expected
    assert strided(torch.tensor(counts), stride).tolist() == expected
