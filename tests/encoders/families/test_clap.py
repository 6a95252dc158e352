from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ClapFeatureExtractor

from crossemo.encoders import EncoderError, load_encoder
from crossemo.encoders.families.clap import log_mel
from tests.encoders.tiny_embeddings import published, write_tiny

RATE = 48_000


@pytest.mark.parametrize("truncation", ["rand_trunc", "fusion"])
def test_the_front_end_is_that_of_transformers(truncation: str) -> None:
    extractor = ClapFeatureExtractor(truncation=truncation, frequency_min=50)
    seconds = np.arange(10 * RATE) / RATE
    rng = np.random.default_rng(0)
    tone = 0.5 * np.sin(2 * np.pi * 440 * seconds)  # all other bands are quiet
    fading = rng.standard_normal(len(seconds)) * np.exp(-2 * seconds)
    for clip in (tone, fading, np.zeros_like(seconds)):
        signal = clip.astype(np.float32)
        expected = extractor(signal, sampling_rate=RATE, return_tensors="pt")
        mel = log_mel(torch.from_numpy(signal)[None], extractor)
        assert mel.shape == (1, 1, 1001, 64)
        assert (mel[0, 0] - expected.input_features[0, 0]).abs().max() <= 1e-5


def test_longer_clips_are_cut_from_the_start_and_to_the_end(tmp_path: Path) -> None:
    encoder = load_encoder(str(write_tiny(tmp_path, "clap")), for_distances=True)
    clip = 0.1 * torch.randn(120_000, generator=torch.Generator().manual_seed(0))
    states, _ = encoder(clip[None], torch.tensor([len(clip)]))
    starts = (0, 48_000, 72_000)  # windows of a second, and the last to the end
    windows = [published(tmp_path, "clap", clip[s : s + 48_000]) for s in starts]
    torch.testing.assert_close(states[0, 0], torch.cat(windows), rtol=0, atol=1e-6)
    whole = encoder(clip[None, :96_000], torch.tensor([96_000])).states[0, 0]
    torch.testing.assert_close(whole, states[0, 0, :2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("padding", ["repeat", "repeatpad", "pad"])
def test_shorter_clips_are_filled_as_the_files_say(
    tmp_path: Path, padding: str
) -> None:
    write_tiny(tmp_path, "clap")
    extractor = ClapFeatureExtractor.from_pretrained(tmp_path)
    extractor.padding = padding
    extractor.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path), for_distances=True)
    clip = 0.1 * torch.randn(13_000, generator=torch.Generator().manual_seed(0))
    states, _ = encoder(clip[None], torch.tensor([len(clip)]))
    expected = published(tmp_path, "clap", clip)
    torch.testing.assert_close(states[0, 0], expected, rtol=0, atol=1e-6)


def test_nothing_is_guessed_without_the_settings_of_its_spectrograms(
    tmp_path: Path,
) -> None:
    write_tiny(tmp_path, "clap")
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(EncoderError, match=r"lacks its preprocessor_config\.json"):
        load_encoder(str(tmp_path), for_distances=True)


def test_relative_positions_of_another_window_are_refused(tmp_path: Path) -> None:
    file = write_tiny(tmp_path, "clap") / "model.safetensors"
    weights = load_file(file)
    (name, *_) = (key for key in weights if key.endswith("relative_position_index"))
    save_file(weights | {name: weights[name].flip(0).contiguous()}, file)
    with pytest.raises(EncoderError, match=r"relative positions in .* aren't those"):
        load_encoder(str(tmp_path), for_distances=True)
