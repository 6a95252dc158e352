import json
import math
import pickle
import re
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch
from safetensors.torch import load_file, save_file

from crossemo.encoders import EncoderError, load_encoder
from crossemo.encoders.tensors import read_tensors
from tests.encoders.tiny import FAMILIES, write_tiny


class Intruder:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.witness,))


def test_both_formats_give_the_same_tensors(tmp_path: Path) -> None:
    stored = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2])}
    save_file(stored, tmp_path / "model.safetensors")
    torch.save(stored, tmp_path / "pytorch_model.bin")
    for name in ("model.safetensors", "pytorch_model.bin"):
        read = read_tensors(tmp_path / name)
        assert read.keys() == stored.keys()
        assert all(read[key].equal(stored[key]) for key in stored)


@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(3)],
        {"a": 3},
        {1: torch.zeros(3)},
        {"a": torch.zeros(1).expand(10**9)},
        {"a": torch.zeros(9).to_sparse()},
        {"a": torch.empty(9, device="meta")},
    ],
    ids=["list", "number", "key", "repeated", "sparse", "meta"],
)
def test_other_content_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"Can't read the weights in .*\.bin \("):
        read_tensors(tmp_path / "pytorch_model.bin")


def test_a_bare_pickle_and_a_packed_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    path.write_bytes(pickle.dumps(Intruder(tmp_path / "witness")))
    with pytest.raises(EncoderError, match="Can't read the weights"):
        read_tensors(path)
    assert not (tmp_path / "witness").exists()
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**7))
    with pytest.raises(EncoderError, match="parts are packed"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [("shape", [10**9, 10**9]), ("data_offsets", [0, 2**62]), ("dtype", "X")],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(4)}, path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["a"][field] = value
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    with pytest.raises(EncoderError, match="Can't read the weights"):
        read_tensors(path)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("family", FAMILIES)
def test_weights_that_are_not_finite_are_refused(
    tmp_path: Path, family: str, value: float
) -> None:
    write_tiny(tmp_path, family)
    (path,) = (p for p in tmp_path.iterdir() if p.suffix in (".safetensors", ".bin"))
    stored = read_tensors(path)
    # AST's files have transformers' older names of the blocks, emotion2vec's its own.
    names = re.compile(r"(layers?\.1|blocks\.0)(\..*norm.*weight)")
    key, name = next((key, n[2]) for key in stored if (n := names.search(key)))
    stored[key] = stored[key].clone()
    stored[key][3] = value
    if path.suffix == ".bin":
        torch.save(stored, path)
    else:
        save_file(stored, path)
    with pytest.raises(EncoderError, match=rf"{name} in .* aren't finite"):
        load_encoder(str(tmp_path))


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, "hubert") / "model.safetensors"
    key = "encoder.layer_norm.weight"
    stored = load_file(path)
    save_file(stored | {key: stored[key].view(torch.int32)}, path)
    with pytest.raises(EncoderError, match=f"{key} in .* is of torch.int32"):
        load_encoder(str(tmp_path))


def test_an_index_is_not_followed(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "encoder", "hubert")
    (folder / "model.safetensors").rename(tmp_path / "x.safetensors")
    rows = {key: "../x.safetensors" for key in load_file(tmp_path / "x.safetensors")}
    index = json.dumps({"metadata": {}, "weight_map": rows})
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(EncoderError, match="lie in several files"):
        load_encoder(str(folder))
    torch.save(load_file(tmp_path / "x.safetensors"), folder / "pytorch_model.bin")
    (tmp_path / "x.safetensors").write_text("nothing")
    load_encoder(str(folder))
