from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from crossemo.encoders import EncoderError, load_encoder
from crossemo.encoders.families import wav2vec2_bert
from crossemo.encoders.families.wav2vec2_bert import log_mel_pairs
from tests.encoders.clips import distance
from tests.encoders.conftest import TinyFolder
from tests.encoders.tiny import tiny_model, write_tiny

LENGTHS = torch.tensor([16_000, 9001, 4160])


def clips() -> Tensor:
    waveforms = torch.randn(3, 16_000, generator=torch.Generator().manual_seed(2))
    for clip, length in enumerate(LENGTHS):
        waveforms[clip, length:] = 0
    levels = torch.tensor([0.1, 0.1, 1e-4])  # the last one nearly as low as Kaldi goes
    return levels[:, None] * waveforms + 0.02


def stock_inputs(bins: int) -> list[Tensor]:
    """Return what transformers' extractor makes of each clip, without half a pair."""
    extractor = transformers.SeamlessM4TFeatureExtractor(bins, num_mel_bins=bins)
    inputs = [
        extractor(clip[:length].numpy(), sampling_rate=16_000, return_tensors="pt")
        for clip, length in zip(clips(), LENGTHS, strict=True)
    ]
    return [one.input_features[0, : one.attention_mask.sum()] for one in inputs]


def test_spectrograms_are_transformers_own() -> None:
    expected = stock_inputs(80)
    pairs = log_mel_pairs(clips(), LENGTHS.tolist(), 80)
    assert pairs.dtype == torch.float32
    for row, one in zip(pairs, expected, strict=True):
        assert distance(row[: len(one)], one) < 5e-6


@pytest.mark.parametrize("positions", ["relative_key", "relative", "rotary", None])
def test_states_of_the_same_spectrograms_are_transformers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, positions: str | None
) -> None:
    changes: dict[str, Any] = {"position_embeddings_type": positions}
    encoder = load_encoder(str(write_tiny(tmp_path, "w2v-bert", **changes)))
    inputs = stock_inputs(8)
    padded = torch.nn.utils.rnn.pad_sequence(inputs, batch_first=True)
    monkeypatch.setattr(wav2vec2_bert, "log_mel_pairs", lambda *_: padded)
    hidden = encoder(clips(), LENGTHS)
    assert hidden.mask.sum(1).tolist() == [len(one) for one in inputs] == [49, 27, 12]
    model = tiny_model("w2v-bert", **changes)
    for clip, one in enumerate(inputs):
        with torch.no_grad():
            output = model(one[None], output_hidden_states=True)
        expected = torch.cat(output.hidden_states)
        assert distance(hidden.states[:, clip, : len(one)], expected) < 1e-6


def test_a_network_above_the_last_block_is_not_trained(tmp_path: Path) -> None:
    folder = write_tiny(
        tmp_path,
        "w2v-bert",
        add_adapter=True,
        use_intermediate_ffn_before_adapter=True,
    )
    encoder = load_encoder(str(folder), "full")
    encoder(clips(), LENGTHS).states.sum().backward()
    named = dict(encoder.named_parameters())
    assert any(".adapter." in name for name in named)
    trained = {name for name, one in named.items() if one.requires_grad}
    assert {name for name, one in named.items() if one.grad is not None} == trained


@pytest.mark.parametrize(
    ("field", "value"), [("sampling_rate", 8000), ("num_mel_bins", 80), ("stride", 4)]
)
def test_other_spectrograms_are_refused(
    tmp_path: Path, field: str, value: float
) -> None:
    write_tiny(tmp_path, "w2v-bert")
    extractor = transformers.SeamlessM4TFeatureExtractor.from_pretrained(tmp_path)
    setattr(extractor, field, value)
    extractor.save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match=f"says {field} {value}, and its encoder"):
        load_encoder(str(tmp_path))


def test_a_transformers_that_is_too_old_is_said(
    tiny_folder: TinyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.utils import versions

    monkeypatch.setattr(versions.importlib.metadata, "version", lambda _: "5.15.0")
    load_encoder(str(tiny_folder("wav2vec2")))
    for family in ("w2v-bert", "conformer"):
        with pytest.raises(EncoderError, match=r"needs transformers 5\.16 or newer"):
            load_encoder(str(tiny_folder(family)))
