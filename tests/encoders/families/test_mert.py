import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from crossemo.encoders import EncoderError, load_encoder
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.families.mert import FAMILY
from tests.encoders.conftest import TinyFolder
from tests.encoders.tiny import edit_config, tiny_model, write_tiny

if TYPE_CHECKING:
    from transformers import PreTrainedModel

G = "encoder.pos_conv_embed.conv.weight_g"
V = "encoder.pos_conv_embed.conv.weight_v"


@pytest.mark.parametrize("family", ["mert", "mert-large"])
def test_states_are_those_of_the_model_that_wrote_the_file(
    tiny_folder: TinyFolder, family: str
) -> None:
    folder = tiny_folder(family)
    assert {G, V} <= torch.load(folder / "pytorch_model.bin").keys()
    encoder = load_encoder(str(folder))
    assert encoder.sampling_rate == 24000
    waveforms = torch.randn(1, 2400)
    centred = waveforms - waveforms.mean()
    signal = centred / (centred.square().mean() + 1e-7).sqrt()
    with torch.no_grad():
        expected = tiny_model(family)(signal, output_hidden_states=True).hidden_states
    states = encoder(waveforms, torch.tensor([2400])).states
    torch.testing.assert_close(states, torch.stack(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("option", ["feature_extractor_cqt", "deepnorm"])
def test_parts_that_hubert_lacks_are_refused(tmp_path: Path, option: str) -> None:
    write_tiny(tmp_path, "mert")
    edit_config(tmp_path, **{option: True})
    with pytest.raises(EncoderError, match=f"has {option} switched on"):
        load_encoder(str(tmp_path))


def test_fields_of_mert_alone_are_dropped_and_others_kept() -> None:
    config = {"hidden_size": 4, "sample_rate": 24000, "attention_relax": 32.0}
    files = EncoderFiles("x", config | {"deepnorm": False}, {})
    assert FAMILY.fields(files) == {"hidden_size": 4}


def test_code_beside_the_weights_is_not_run(tmp_path: Path) -> None:
    write_tiny(tmp_path, "mert")
    witness = tmp_path / "witness"
    code = f"from pathlib import Path\nPath({str(witness)!r}).touch()\n"
    (tmp_path / "modeling_MERT.py").write_text(code)
    load_encoder(str(tmp_path))
    assert not witness.exists()


@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_holds_two_weight_norms_is_refused(
    tmp_path: Path, first: bool
) -> None:
    path = write_tiny(tmp_path, "mert") / "pytorch_model.bin"
    stored = torch.load(path)
    other = {G.replace("weight_g", "parametrizations.weight.original0"): stored[G] + 1}
    torch.save(other | stored if first else stored | other, path)
    with pytest.raises(EncoderError, match="weight_g of the positional convolution"):
        load_encoder(str(tmp_path))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_tiny(tmp_path, "mert") / "pytorch_model.bin"


def stock() -> "PreTrainedModel":
    return tiny_model("mert")


def test_a_weight_norm_that_reached_the_model_passes(
    weights: Path, tmp_path: Path
) -> None:
    FAMILY.check(stock(), weights)
    renamed = tmp_path / "model.safetensors"
    save_file(stock().state_dict(), renamed)  # torch's names of the two tensors
    FAMILY.check(stock(), renamed)


@pytest.mark.parametrize(("key", "name"), [(G, "weight_g"), (V, "weight_v")])
def test_a_weight_norm_that_did_not_is_refused(
    weights: Path, key: str, name: str
) -> None:
    stored = torch.load(weights)
    torch.save(stored | {key: stored[key] + 1}, weights)
    with pytest.raises(EncoderError, match=f"{name} of the positional convolution"):
        FAMILY.check(stock(), weights)
    del stored[key]
    torch.save(stored, weights)
    with pytest.raises(EncoderError, match=f"{name} of the positional convolution"):
        FAMILY.check(stock(), weights)


def test_loading_says_that_published_weights_were_not_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = str(write_tiny(tmp_path, "mert"))
    with caplog.at_level(logging.WARNING, "crossemo"):
        load_encoder(folder, random_weights=True)
        assert not caplog.messages
        load_encoder(folder)
    (message,) = caplog.messages
    assert "the public code of mert, and no published weights" in message
