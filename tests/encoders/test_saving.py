import json
from pathlib import Path

import pytest
import torch

from crossemo.data.provenance import NOTHING, Material, Provenance
from crossemo.encoders import EncoderError, Tuning, load_encoder
from tests.encoders.conftest import TinyFolder
from tests.encoders.mapped import MAPPED
from tests.encoders.tiny import FAMILIES

SEEN = Provenance(Material(frozenset({"a/1"}), frozenset({"0" * 16})))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_encoder_is_the_same_and_says_what_it_has_seen(
    family: str, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    encoder = load_encoder(str(tiny_folder(family)), "full").eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.01)
    assert encoder.provenance == NOTHING
    encoder.provenance = SEEN
    encoder.save_pretrained(tmp_path / "one")
    again = load_encoder(str(tmp_path / "one")).eval()
    clips = torch.randn(2, 3200), torch.tensor([3200, 1600])
    with torch.no_grad():
        expected, states = encoder(*clips).states, again(*clips).states
    assert torch.allclose(states[:, 0], expected[:, 0], rtol=1e-5, atol=1e-6)
    assert again.sampling_rate == encoder.sampling_rate
    assert again.normalised == encoder.normalised
    assert again.provenance == SEEN
    assert (
        json.loads((tmp_path / "one" / "provenance.json").read_text()) == SEEN.plain()
    )
    if family in MAPPED:  # transformers can't save them
        return
    again.model.save_pretrained(tmp_path / "two")
    assert load_encoder(str(tmp_path / "two")).provenance == SEEN
    assert (
        load_encoder(str(tmp_path / "two"), random_weights=True).provenance == NOTHING
    )


def test_what_was_seen_changes_no_fingerprint_and_is_replaced(
    wav2vec2: Path, tmp_path: Path
) -> None:
    encoder = load_encoder(str(wav2vec2))
    prints = set()
    for provenance in (SEEN, SEEN | Provenance(val=SEEN.train), NOTHING):
        encoder.provenance = provenance
        encoder.save_pretrained(tmp_path)
        again = load_encoder(str(tmp_path))
        assert again.provenance == provenance
        prints.add(again.fingerprint())
    assert len(prints) == 1
    assert not (tmp_path / "provenance.json").exists()


@pytest.mark.parametrize("tuning", ["lora", "houlsby"])
def test_adapters_are_no_part_of_an_encoder_s_folder(
    tuning: Tuning, wav2vec2: Path, tmp_path: Path
) -> None:
    with pytest.raises(EncoderError, match=rf"has adapters \({tuning}\), so no folder"):
        load_encoder(str(wav2vec2), tuning).save_pretrained(tmp_path)
