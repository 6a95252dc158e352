"""An encoder's folder, odd or damaged: finite hidden states, or one sentence."""

import json
import math
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import soundfile
import torch
from numpy.random import Generator
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossemo.encoders import load_encoder
from tests.encoders.tiny import FAMILIES, write_tiny

DEEP = "[" * 900 + "]" * 900
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    3,
    7,
    10**9,
    10**30,
    10**400,
    0.0,
    -0.5,
    1e308,
    1e-320,
    math.nan,
    math.inf,
    -math.inf,
    "",
    "x",
    "gelu",
    "layer",
    "wav2vec2",
    "../../x",
    [],
    [1],
    [0, 0, 0],
    [-1, 3, 2],
    [10**9, 10**9, 10**9],
    [1, 1, 1],
    ["a", "b", "c"],
    [[8, 8], 8, 8],
    {},
    {"0": None},
    {"a": {"b": [1, 2]}},
    json.loads(DEEP),
)
QUICK = ("--estimate.permutations", "9")
ADDED = (
    "_attn_implementation",
    "adapter_kernel_size",
    "add_adapter",
    "auto_map",
    "crossemo_provenance",
    "dtype",
    "fusion_config",
    "id2label",
    "label2id",
    "model_type",
    "num_adapter_layers",
    "num_labels",
    "pruned_heads",
    "quantization_config",
    "sample_rate",
    "sampling_rate",
    "torch_dtype",
    "transformers_weights",
)


@cache
def home() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory(prefix="fuzz-encoders-")
    for family in FAMILIES:
        write_tiny(Path(folder.name, family), family)
    return folder


def make(rng: Generator, folder: Path) -> Path:
    family = FAMILIES[rng.integers(len(FAMILIES))]
    place = folder / "encoder"
    shutil.copytree(Path(home().name, family), place)
    damages = (*FIELDS, *TEXTS, *WEIGHTS, *FOLDERS)
    for _ in range(rng.integers(1, 4)):
        damages[rng.integers(len(damages))](rng, place)
    if rng.random() < 0.05:
        odd_file(rng, place)
    return place


def use(path: Path) -> None:
    try:
        encoder = load_encoder(os.fspath(path))
        rate = encoder.sampling_rate
        lengths = torch.tensor([rate, max(rate // 3, encoder.min_samples)])
        noise = torch.randn(2, rate, generator=torch.Generator().manual_seed(1))
        states, mask = encoder(noise, lengths)
        assert states[:, mask].isfinite().all(), "hidden states that aren't finite"
        assert mask.any(1).all(), "a clip without a frame"
        assert states.shape[0] == encoder.num_states
        assert states.shape[3] == encoder.width
    finally:
        assert not (path / "witness").exists(), "code of a file was run"


def command(path: Path) -> list[str]:
    return ["fad", *pair(Path(home().name)), "--encoder", str(path), *QUICK]


def pair(folder: Path) -> list[str]:
    """Return two folders of clips for a command, which are written once."""
    places = [folder / "one", folder / "other"]
    for seed, place in enumerate(places):
        if not place.exists():
            write_clips(place, seed)
    return [str(place) for place in places]


def write_clips(folder: Path, seed: int) -> None:
    """Write two emotions by four speakers, for a command to listen to."""
    rng = np.random.default_rng(seed)
    for number in range(16):
        emotion = ("angry", "sad")[number % 2]
        path = folder / emotion / f"{number // 2 % 4:02}" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * rng.standard_normal(4000), 16_000)


# Fields of the small files.


def edit(rng: Generator, place: Path, change: Callable[[dict[str, Any]], None]) -> None:
    names = ("config.json", "config.json", "preprocessor_config.json")
    path = place / names[rng.integers(3)]
    try:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return  # an earlier damage was enough


def change_field(rng: Generator, place: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        names = sorted(content)
        content[names[rng.integers(len(names))]] = VALUES[rng.integers(len(VALUES))]

    edit(rng, place, change)


def add_field(rng: Generator, place: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content[ADDED[rng.integers(len(ADDED))]] = VALUES[rng.integers(len(VALUES))]

    edit(rng, place, change)


def lose_field(rng: Generator, place: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        del content[sorted(content)[rng.integers(len(content))]]

    edit(rng, place, change)


def nest(rng: Generator, place: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        inner: tuple[Any, ...] = (dict(content), 5, [], "x", None)
        content.clear()
        content["feature_extractor"] = inner[rng.integers(len(inner))]

    edit(rng, place, change)


# Bytes of any file.


def some_file(rng: Generator, place: Path) -> Path | None:
    paths = sorted(path for path in place.rglob("*") if path.is_file())
    return paths[rng.integers(len(paths))] if paths else None


def flip(rng: Generator, place: Path) -> None:
    if path := some_file(rng, place):
        content = bytearray(path.read_bytes())
        for _ in range(rng.integers(1, 9)):
            if content:
                content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(content)


def flip_near_the_beginning(rng: Generator, place: Path) -> None:
    if path := some_file(rng, place):
        content = bytearray(path.read_bytes())
        for _ in range(rng.integers(1, 4)):
            if content:
                near = min(len(content), 3000)
                content[rng.integers(near)] = rng.integers(256)
        path.write_bytes(content)


def cut(rng: Generator, place: Path) -> None:
    if path := some_file(rng, place):
        content = path.read_bytes()
        path.write_bytes(content[: rng.integers(len(content) + 1)])


def fill(rng: Generator, place: Path) -> None:
    texts = (b"", b"null", b"[]", b"3", b"{}", b"\xff\xfe{}", b"\xef\xbb\xbf{}")
    deep = (b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, rng.bytes(300))
    if path := some_file(rng, place):
        path.write_bytes((*texts, *deep)[rng.integers(len(texts) + len(deep))])


# Tensors.


def tensors(
    rng: Generator, place: Path, change: Callable[[dict[str, Tensor], str], None]
) -> None:
    """Change one of the tensors, and write them in either format."""
    whole, packed = place / "model.safetensors", place / "pytorch_model.bin"
    try:
        if whole.is_file():
            stored = load_file(whole)
        else:
            stored = torch.load(packed, weights_only=True)
        names = sorted(stored)
        change(stored, names[rng.integers(len(names))])
        # Safetensors would write out what repeats itself, gigabytes of it.
        small = sum(tensor.numel() for tensor in stored.values()) < 10**6
        if small and whole.is_file() and rng.random() < 0.7:
            save_file({k: v.contiguous() for k, v in stored.items()}, whole)
        else:
            whole.unlink(missing_ok=True)
            torch.save(stored, packed)
    except Exception:
        return  # an earlier damage was enough


def not_finite(rng: Generator, place: Path) -> None:
    value = (math.nan, math.inf, -math.inf, 3e38, 1e-45)[rng.integers(5)]

    def change(stored: dict[str, Tensor], name: str) -> None:
        stored[name] = stored[name].clone()
        stored[name].view(-1)[rng.integers(stored[name].numel())] = value

    tensors(rng, place, change)


def other_kind(rng: Generator, place: Path) -> None:
    kinds = (torch.int32, torch.float16, torch.float64, torch.bfloat16, torch.bool)
    kind = (*kinds, torch.uint8, torch.complex64)[rng.integers(7)]

    def change(stored: dict[str, Tensor], name: str) -> None:
        stored[name] = stored[name].to(kind)

    tensors(rng, place, change)


def other_shape(rng: Generator, place: Path) -> None:
    def change(stored: dict[str, Tensor], name: str) -> None:
        tensor = stored[name]
        shapes: tuple[Tensor, ...] = (
            tensor.flatten(),
            tensor[:0],
            tensor[None],
            tensor.sum(),
            torch.cat([tensor, tensor]),
            tensor.flatten()[:1].expand(10**9),
            torch.empty(10**9, device="meta"),
            tensor.to_sparse(),
        )
        stored[name] = shapes[rng.integers(len(shapes))]

    tensors(rng, place, change)


def other_names(rng: Generator, place: Path) -> None:
    def change(stored: dict[str, Any], name: str) -> None:
        tensor = stored.pop(name)
        if rng.random() < 0.7:
            names = ("x", f"wav2vec2.{name}", "lm_head.weight", "", name.upper())
            stored[names[rng.integers(len(names))]] = tensor
        elif rng.random() < 0.5:
            stored[name] = ("text", 3, None, [1])[rng.integers(4)]

    tensors(rng, place, change)


def lying_header(rng: Generator, place: Path) -> None:
    path = place / "model.safetensors"
    if not path.is_file():
        return
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
        name = sorted(header)[rng.integers(len(header))]
        lies = (
            ("shape", [10**9, 10**9]),
            ("shape", [-1]),
            ("shape", [2**62, 2**62]),
            ("dtype", "I32"),
            ("dtype", "F8_E4M3"),
            ("dtype", "X"),
            ("data_offsets", [0, 2**63]),
            ("data_offsets", [0, 16]),
            ("data_offsets", [64, 0]),
        )
        field, value = lies[rng.integers(len(lies))]
        header[name][field] = value
        text = json.dumps(header).encode()
    except (KeyError, TypeError, ValueError):
        return
    length = (len(text), 2**62, 2**64 - 1, 0)[rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])]
    path.write_bytes(struct.pack("<Q", length) + text + content[8 + size :])


class Intruder:
    """Leaves a witness if it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.place / "witness",))


def intrude(rng: Generator, place: Path) -> None:
    (place / "model.safetensors").unlink(missing_ok=True)
    path = place / "pytorch_model.bin"
    match rng.integers(4):
        case 0:
            torch.save({"weight": Intruder(place)}, path)
        case 1:
            path.write_bytes(pickle.dumps(Intruder(place)))
        case 2:
            torch.save([torch.zeros(3)], path)
        case 3:
            with ZipFile(path, "w", ZIP_DEFLATED) as archive:
                archive.writestr("archive/data.pkl", pickle.dumps({}))
                archive.writestr("archive/data/0", bytes(10**7))


# What lies in the folder.


def index(rng: Generator, place: Path) -> None:
    names = ("../../x", "/etc/passwd", "missing.safetensors", "model.safetensors")
    rows = {"weight": names[rng.integers(len(names))]}
    text = json.dumps({"metadata": {}, "weight_map": rows})
    (place / "model.safetensors.index.json").write_text(text)
    if rng.random() < 0.5:
        (place / "model.safetensors").unlink(missing_ok=True)


def odd_file(rng: Generator, place: Path) -> None:
    if path := some_file(rng, place):
        path.unlink()
        match rng.integers(4):
            case 0:
                path.mkdir()
            case 1:
                path.symlink_to(path.name)
            case 2:
                os.mkfifo(path)


def extra_file(rng: Generator, place: Path) -> None:
    names = ("provenance.json", "processor_config.json", "adapter_config.json")
    texts = ("{}", "[]", '{"train": 3}', '{"feature_extractor": 3}', DEEP, "\xff")
    name = (*names, "generation_config.json")[rng.integers(4)]
    (place / name).write_text(texts[rng.integers(len(texts))])


FIELDS = (change_field,) * 5 + (add_field,) * 3 + (lose_field, nest)
TEXTS = (flip, flip_near_the_beginning, flip_near_the_beginning, cut, fill)
WEIGHTS = (not_finite, other_kind, other_shape, other_names, lying_header, intrude)
FOLDERS = (index, extra_file)
