import pytest
import torch
import transformers
from torch import Tensor
from torchaudio.compliance.kaldi import fbank

from crossemo.encoders.spectrograms import kaldi_log_mel, whisper_log_mel
from tests.encoders.clips import distance


def clips() -> dict[str, Tensor]:
    time = torch.arange(16_000) / 16_000
    noise = torch.randn(16_000, generator=torch.Generator().manual_seed(2))
    swept = 0.3 * torch.sin(2 * torch.pi * (300 + 2000 * time) * time)
    silent = torch.cat([torch.zeros(8000), 0.2 * noise[:8000]])
    return {"noise": 0.1 * noise, "sweep": swept + 1e-3 * noise, "silence": silent}


@pytest.mark.parametrize("window", ["povey", "hanning"])
@pytest.mark.parametrize("bins", [23, 80, 128])
@pytest.mark.parametrize("scale", [1, 2**15])
def test_they_are_kaldi_s(window: str, bins: int, scale: int) -> None:
    batch = scale * torch.stack(list(clips().values()))
    spectrograms = kaldi_log_mel(batch, bins, window)  # type: ignore[arg-type]
    for row, clip in zip(spectrograms, batch, strict=True):
        expected = fbank(clip[None].double(), num_mel_bins=bins, window_type=window)
        assert row.shape == expected.shape == (98, bins)
        assert distance(row, expected) < 5e-6


@pytest.mark.parametrize("bins", [80, 128])
def test_they_are_whisper_s(bins: int) -> None:
    extractor = transformers.WhisperFeatureExtractor(bins)
    for clip in clips().values():
        inputs = extractor(clip.numpy(), sampling_rate=16_000, return_tensors="pt")
        window = torch.nn.functional.pad(clip, (0, 464_000))[None]
        assert distance(whisper_log_mel(window, bins), inputs.input_features) < 1e-5


def test_they_are_ast_s_but_for_mean_and_spread() -> None:
    extractor = transformers.ASTFeatureExtractor(do_normalize=False)
    for name in ("noise", "silence"):  # of the sweep its float32 is 2e-5 off itself
        clip = clips()[name]
        inputs = extractor(clip.numpy(), sampling_rate=16_000, return_tensors="pt")
        spectrogram = kaldi_log_mel(clip[None], 128, "hanning")
        assert distance(spectrogram, inputs.input_values[:, :98]) < 1e-5


def test_autocast_changes_nothing() -> None:
    batch = torch.stack(list(clips().values()))
    expected = kaldi_log_mel(batch, 80, "povey"), whisper_log_mel(batch, 80)
    with torch.autocast("cpu", torch.bfloat16):
        spectrograms = kaldi_log_mel(batch, 80, "povey"), whisper_log_mel(batch, 80)
    for one, other in zip(spectrograms, expected, strict=True):
        assert one.dtype == torch.float32
        assert torch.equal(one, other)
