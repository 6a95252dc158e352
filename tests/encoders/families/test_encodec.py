import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from crossemo.encoders import EncoderError, load_encoder
from tests.encoders.tiny_embeddings import write_tiny


@pytest.mark.parametrize(
    "changes",
    [{"audio_channels": 2}, {"normalize": True}, {"chunk_length_s": 1.0}],
)
def test_codecs_of_chunks_or_two_channels_are_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    write_tiny(tmp_path, "encodec")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(EncoderError, match="choose facebook/encodec_24khz"):
        load_encoder(str(tmp_path), for_distances=True)


def test_weight_norms_of_old_files_reach_the_encoder(tmp_path: Path) -> None:
    new = write_tiny(tmp_path / "new", "encodec")
    old = write_tiny(tmp_path / "old", "encodec")
    weights = load_file(new / "model.safetensors")
    names = {"original0": "weight_g", "original1": "weight_v"}
    renamed = {}
    for key, tensor in weights.items():
        stem, _, last = key.rpartition(".")
        stem = stem.removesuffix(".parametrizations.weight")
        renamed[f"{stem}.{names.get(last, last)}"] = tensor
    save_file(renamed, old / "model.safetensors")
    assert renamed.keys() != weights.keys()
    first, second = (
        load_encoder(str(folder), for_distances=True).model.state_dict()
        for folder in (new, old)
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
