from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import transformers
from torch import Tensor

from crossemo.encoders import EncoderError, load_encoder
from crossemo.encoders.families.audio_spectrogram_transformer import FAMILY
from crossemo.encoders.families.base import EncoderFiles
from tests.encoders.clips import distance
from tests.encoders.conftest import TinyFolder
from tests.encoders.stock import stock_states
from tests.encoders.tiny import tiny_model, write_tiny


def noise(*shape: int) -> Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(2))


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "preprocessor_config.json"
    extractor = transformers.ASTFeatureExtractor.from_pretrained(folder)
    for name, value in changes.items():
        setattr(extractor, name, value)
    extractor.save_pretrained(path.parent)


def test_steps_are_equally_far_apart_in_all_windows(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("ast")))
    # Steps of 20 ms; three of them, six spectra, are a window's.
    samples = 400 + 160 * 40
    waveforms = noise(1, samples)
    hidden = encoder(waveforms, torch.tensor([samples])).states[:, 0]
    assert hidden.shape[1] == (41 - 2) // 2 + 1
    expected = stock_states("ast", waveforms[0])
    assert distance(hidden, expected) < 1e-6
    # What begins a window later gives the same frames, a window later.
    later = encoder(waveforms[:, 960:], torch.tensor([samples - 960])).states[:, 0]
    assert distance(hidden[:, 3:], later) < 1e-6


def test_a_frame_is_the_mean_over_frequency(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("ast")))
    tokens = torch.zeros(1, 2 + 9, 16)  # two tokens of the window, three by three
    tokens[0, :2] = 100.0
    for frequency in range(3):
        for time in range(3):
            tokens[0, 2 + 3 * frequency + time] = 10 * frequency + time
    frames = FAMILY.frames_of(encoder.model, tokens)
    assert frames[0, :, 0].tolist() == [10.0, 11.0, 12.0]


@pytest.mark.parametrize(
    "changes",
    [{"mean": -1.0, "std": 2.0}, {"mean": 0.0, "std": 0.5}, {"do_normalize": False}],
)
def test_numbers_of_the_spectrogram_are_those_of_the_files(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    write_tiny(tmp_path / "one", "ast")
    rewrite(tmp_path / "one", **changes)
    encoder = load_encoder(str(tmp_path / "one"))
    clip = noise(1, 400 + 6 * 160)
    extractor = transformers.ASTFeatureExtractor.from_pretrained(tmp_path / "one")
    inputs = extractor(clip[0].numpy(), sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        states = tiny_model("ast")(**inputs, output_hidden_states=True).hidden_states
    expected = torch.cat(states)[:, 2:].reshape(3, 3, 3, -1).mean(1)
    length = torch.tensor([clip.shape[1]])
    assert distance(encoder(clip, length).states[:, 0], expected) < 1e-6
    encoder.save_pretrained(tmp_path / "two")
    again = load_encoder(str(tmp_path / "two"))
    assert torch.equal(again(clip, length).states, encoder(clip, length).states)


def test_the_published_shape_makes_ten_frames_a_second() -> None:
    files = EncoderFiles("x", {}, {})
    _, config = FAMILY.architecture(files, dropout=False)
    model = SimpleNamespace(config=config)
    assert FAMILY.min_samples(files) == 2800
    assert FAMILY.count_frames(model, [2800, 164_080, 160_000]) == [1, 101, 99]
    assert config.spectrogram == {"mean": -4.2677393, "std": 4.5689974}


@pytest.mark.parametrize(
    ("field", "value"),
    [("sampling_rate", 8000), ("num_mel_bins", 128), ("max_length", 1024)],
)
def test_other_spectrograms_are_refused(
    tmp_path: Path, field: str, value: float
) -> None:
    write_tiny(tmp_path, "ast")
    rewrite(tmp_path, **{field: value})
    with pytest.raises(EncoderError, match=f"says {field} {value}, and its encoder"):
        load_encoder(str(tmp_path))
