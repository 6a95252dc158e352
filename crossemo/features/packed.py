"""Tensors of many clips in one safetensors file, by the key of the clip."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossemo.cache import SUMS, is_whole, sums_of, write_sums
from crossemo.files import replacing


def write_clips(file: Path, clips: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Write a file with its sums, whole or not at all.

    Tensors of one name are stacked where they have one shape, and joined one after the
    other where they differ in their first dimension.

    Args:
        file: The file.
        clips: Tensors by name, by key of a clip; the names are those of all clips.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    tensors, counts = {}, {}
    for name in next(iter(clips.values())):
        parts = [clip[name] for clip in clips.values()]
        if len({part.shape for part in parts}) == 1:
            tensors[name] = torch.stack(parts)
        else:
            tensors[name] = torch.cat(parts)
            counts[name] = [len(part) for part in parts]
    index = {"clips": json.dumps(list(clips)), "counts": json.dumps(counts)}
    try:
        with replacing(file) as temporary:
            save_file(tensors, temporary, index)
    except SafetensorError as error:  # it hides the cause, as a full disk
        raise OSError(str(error)) from error
    write_sums(sums_of(file), [file])


def read_clips(file: Path) -> dict[str, dict[str, Tensor]]:
    """Return what `write_clips` wrote, memory-mapped."""
    index = _index(file)
    keys: list[str] = json.loads(index["clips"])
    counts: dict[str, list[int]] = json.loads(index["counts"])
    parts = {
        name: tensor.split(counts[name]) if name in counts else tensor.unbind()
        for name, tensor in load_file(file).items()
    }
    return {
        key: {name: part[row] for name, part in parts.items()}
        for row, key in enumerate(keys)
    }


def files_with(folder: Path, wanted: Collection[str] | None = None) -> list[Path]:
    """Return the whole files of a folder that hold one of some clips.

    Args:
        folder: The folder.
        wanted: Keys of the clips; all if None.
    """
    sums = sorted(folder.glob(f"[!.]*.{SUMS}"))
    files = [one.with_name(one.name.removesuffix(f".{SUMS}")) for one in sums]
    return [f for f in files if _may_hold(f, wanted) and is_whole(sums_of(f))]


def _may_hold(file: Path, wanted: Collection[str] | None) -> bool:
    """Return whether a file holds one of some clips, True if it can't be read."""
    if not file.is_file():  # to read a pipe would take forever
        return True
    try:
        keys = json.loads(_index(file)["clips"])
        return wanted is None or not keys or any(key in wanted for key in keys)
    except (KeyError, OSError, RecursionError, SafetensorError, TypeError, ValueError):
        return True


def _index(file: Path) -> Mapping[str, str]:
    with safe_open(file, "pt") as opened:
        metadata: Mapping[str, str] = opened.metadata()
    return metadata
