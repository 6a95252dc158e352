"""Weight files, read as plain tensors and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, is_zipfile

import torch
from torch import Tensor

from crossemo.encoders.catalogue import EncoderError
from crossemo.errors import reason_of

OF_RECOGNISER = "encoder.model."  # how an encoder's names begin in a recogniser
# Where lightning, FunASR and fairseq put weights in a checkpoint of a training.
_NESTS = ("state_dict", "model_state_dict", "model")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of safetensors, or of torch with plain tensors in it.

    Raises:
        EncoderError: It is damaged, or holds something else or packed numbers.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        _refuse_packed(path)
        stored = _unwrapped(_load(path))
        _refuse_other_content(stored, path.stat().st_size)
    except Exception as error:  # of many kinds, as unpickling goes wrong in many ways
        raise EncoderError(
            f"Can't read the weights in {path} ({reason_of(error)}): save or download "
            "the encoder again."
        ) from error
    return dict(stored)


def read_encoder(path: Path) -> dict[str, Tensor]:
    """Read an encoder's weights by its own names, also where they are a recogniser's.

    Raises:
        EncoderError: As `read_tensors`.
    """
    stored = read_tensors(path)
    inside = {
        key.removeprefix(OF_RECOGNISER): tensor
        for key, tensor in stored.items()
        if key.startswith(OF_RECOGNISER)
    }
    return inside or stored


def _load(path: Path) -> Any:  # noqa: ANN401
    """Read a file of torch, without the advice that torch gives: to run its code."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # of many kinds, see above
        raise ValueError("it is damaged, or holds more than plain tensors") from error


def _refuse_packed(path: Path) -> None:
    """Refuse a file of torch that would grow in memory."""
    if is_zipfile(path):
        with ZipFile(path) as archive:
            if any(part.compress_type != ZIP_STORED for part in archive.infolist()):
                raise ValueError("its parts are packed, as torch doesn't do it")


def _unwrapped(stored: Any) -> Any:  # noqa: ANN401
    """Return the weights alone of a checkpoint that holds them beside other things."""
    if isinstance(stored, Mapping):
        nests = [stored[nest] for nest in _NESTS if nest in stored]
        stored = next((nest for nest in nests if isinstance(nest, Mapping)), stored)
    return stored


def _refuse_other_content(stored: object, size: int) -> None:
    if not isinstance(stored, Mapping):
        raise TypeError(f"it holds a {type(stored).__name__}, not tensors by name")
    numbers = 0
    for key, tensor in stored.items():
        if not isinstance(key, str) or not isinstance(tensor, Tensor):
            raise TypeError(f"{key!r} in it is no tensor")
        if tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise TypeError(f"{key} is no plain tensor")
        numbers += tensor.numel()
    if numbers > size:
        raise ValueError("its tensors repeat one another")
