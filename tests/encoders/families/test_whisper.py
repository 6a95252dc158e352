import math
from pathlib import Path

import pytest
import torch
import transformers
from torch import Tensor

from crossemo.encoders import EncoderError, load_encoder
from crossemo.encoders.families.whisper import FAMILY
from tests.encoders.clips import distance
from tests.encoders.conftest import TinyFolder
from tests.encoders.stock import stock_states
from tests.encoders.tiny import tiny_model, write_tiny

WINDOW = 16_000  # samples; the tiny one hears a second


def noise(*shape: int) -> Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("length", [WINDOW - 1, WINDOW, WINDOW + 319, 2 * WINDOW + 700])
def test_longer_clips_are_cut_into_windows(
    tiny_folder: TinyFolder, length: int
) -> None:
    encoder = load_encoder(str(tiny_folder("whisper")))
    waveforms = noise(2, 40_300)
    lengths = [40_300, length]
    hidden = encoder(waveforms, torch.tensor(lengths))
    assert hidden.mask.sum(1).tolist() == [125, length // 320]
    assert hidden.states.shape == (3, 2, 125, 16)  # silence takes no room
    for clip, samples in enumerate(lengths):
        frames = samples // 320
        # What is left over of a window and makes no frame makes no window either.
        heard = min(samples, math.ceil(frames / 50) * WINDOW)
        expected = stock_states("whisper", waveforms[clip, :heard])
        assert distance(hidden.states[:, clip, :frames], expected) < 1e-6


def test_frames_are_as_many_as_end_within_a_clip(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("whisper")))
    lengths = [320, 639, 640, 480_000]
    assert encoder.count_frames(lengths) == [1, 1, 2, 1500]


def test_silence_behind_a_clip_is_heard_as_in_training(
    tiny_folder: TinyFolder,
) -> None:
    encoder = load_encoder(str(tiny_folder("whisper")))
    seen: list[Tensor] = []
    hook = encoder.model.layers[0].register_forward_hook(
        lambda *args: seen.append(args[1][0])
    )
    encoder(noise(3, 3000), torch.tensor([3000, 700, 320]))
    hook.remove()
    assert [hidden.shape for hidden in seen] == [(3, 50, 16)]


def test_the_whole_model_s_file_is_read_without_its_decoder(
    tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    encoder = load_encoder(str(tiny_folder("whisper")))
    encoder.save_pretrained(tmp_path)
    stock = transformers.WhisperModel.from_pretrained(tiny_folder("whisper")).encoder
    saved = type(encoder.model).from_pretrained(tmp_path)
    for key, tensor in stock.state_dict().items():
        assert torch.equal(encoder.model.state_dict()[key], tensor)
        assert torch.equal(saved.state_dict()[key], tensor)
    assert FAMILY.tensor_name("model.encoder.conv1.bias") == "conv1.bias"
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path)
    assert (extractor.feature_size, extractor.n_samples) == (8, WINDOW)


def test_a_last_state_has_not_passed_the_norm_behind_it(
    tiny_folder: TinyFolder,
) -> None:
    encoder = load_encoder(str(tiny_folder("whisper")))
    clip = noise(1, WINDOW)
    inputs = transformers.WhisperFeatureExtractor(8, chunk_length=1)(
        clip[0].numpy(), sampling_rate=16_000, return_tensors="pt"
    )
    with torch.no_grad():
        stock = tiny_model("whisper").encoder(**inputs).last_hidden_state
        last = encoder(clip, torch.tensor([WINDOW])).states[-1]
        assert distance(last, stock) > 0.1
        assert distance(encoder.model.layer_norm(last), stock) < 1e-6


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sampling_rate", 8000),
        ("feature_size", 80),
        ("hop_length", 320),
        ("n_fft", 512),
        ("chunk_length", 30),
        ("dither", 0.1),
    ],
)
def test_other_spectrograms_are_refused(
    tmp_path: Path, field: str, value: float
) -> None:
    write_tiny(tmp_path, "whisper")
    extractor = transformers.WhisperFeatureExtractor.from_pretrained(tmp_path)
    setattr(extractor, field, value)
    extractor.save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match=f"says {field} {value}, and its encoder"):
        load_encoder(str(tmp_path))
