"""What a checkpoint holds, so that those who read one can trust its shape."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crossemo.errors import CrossEmoError

# A type; one of several; a list of such; or names with what they stand for, where `?`
# ends a name that may be absent and `*` stands for all names there are.
Shape = type | tuple[Any, ...] | list[Any] | dict[str, Any]

_ANY = {"*": object}
_GROUPS = {"train": [str], "val": [str]}
_ADAPTERS = {
    "names": [str],
    "taken": int,
    # AdaLoRA's memory
    "ipt?": {"*": Tensor},
    "exp_avg_ipt?": {"*": Tensor},
    "exp_avg_unc?": {"*": Tensor},
    "pattern?": (type(None), {"*": [bool]}),
}
_ENCODER = {
    "name": str,
    "fingerprint": str,
    "sampling_rate": int,
    "tuning": str,
    "classes": [str],
    "adapters": (type(None), _ADAPTERS),
}
_WEIGHTS: dict[str, Shape] = {
    "state_dict": {"*": (Tensor, dict)},
    "pytorch-lightning_version": str,
    "epoch?": int,
    "global_step?": int,
    "hyper_parameters?": _ANY,
    "encoder?": _ENCODER,
    "provenance?": _ANY,  # which says itself what is wrong with it
    "groups?": _GROUPS,  # of versions up to 0.1
    "split?": _GROUPS,
    "reliability?": {"*": Tensor},  # likewise
    "changes?": [str],
    "made_with?": _ANY,
    "clips?": str,
}
_TRAINING: dict[str, Shape] = {
    "callbacks?": _ANY,
    "loops?": _ANY,
    "optimizer_states?": [dict],
    "lr_schedulers?": [dict],
}
CHECKPOINT: Shape = _WEIGHTS | _TRAINING
WEIGHTS = tuple(name.removesuffix("?") for name in _WEIGHTS)
_OLDEST = (2, 5)  # Lightning whose checkpoints crossemo has written


def refuse_misshapen(stored: object, path: str | Path) -> None:
    """Refuse what is not of the shape of a checkpoint.

    Args:
        stored: What was read.
        path: Its file.

    Raises:
        CrossEmoError: It is of another shape, or of a Lightning too old to read.
    """
    place = misfit(stored, CHECKPOINT)
    if place is None and isinstance(stored, dict):
        version = stored["pytorch-lightning_version"]
        numbers = re.fullmatch(r"(\d+)\.(\d+)\.\d+((rc|\.post|\.?dev)\d*)?", version)
        if numbers is None or (int(numbers[1]), int(numbers[2])) < _OLDEST:
            place = "pytorch-lightning_version"
        hollow = [
            f"{part}.{name}"
            for part in ("state_dict", "reliability")
            for name, tensor in stored.get(part, {}).items()
            if not _is_full(tensor)
        ]
        place = hollow[0] if hollow else place
    if place is not None:
        what = f"what stands under {place!r} is" if place else "what is in it is"
        raise CrossEmoError(
            f"{path} is no checkpoint of crossemo's: {what} not what crossemo writes."
        )


def _is_full(value: object) -> bool:
    """Return whether each number of a tensor stands in memory, as in any weights."""
    if not isinstance(value, Tensor):
        return True
    plain = value.layout == torch.strided and not value.is_quantized
    if not plain or value.is_meta:
        return False
    return value.untyped_storage().nbytes() >= value.numel() * value.element_size()


def misfit(value: object, shape: Shape, place: str = "") -> str | None:
    """Return where a value first differs from a shape; None if it doesn't.

    >>> misfit({"n": 1, "of": ["a", 2]}, {"n": int, "of?": [str]})
    'of.1'
    >>> misfit({"n": True}, {"n": int}), misfit({}, {"n": int, "of?": [str]})
    ('n', 'n')
    >>> misfit({"a": 1}, {"*": (str, int)}) is None
    True
    """
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return place
        return _misfit_by_name(value, shape, place)
    if isinstance(shape, tuple):
        misfits = [misfit(value, one, place) for one in shape]
        return None if None in misfits else misfits[-1]
    if isinstance(shape, list):
        if not isinstance(value, list | tuple):
            return place
        parts = (
            misfit(one, shape[0], _below(place, number))
            for number, one in enumerate(value)
        )
        return next((part for part in parts if part is not None), None)
    wrong = isinstance(value, bool) and shape is int
    return place if wrong or not isinstance(value, shape) else None


def _misfit_by_name(
    value: dict[Any, object], shape: dict[str, Any], place: str
) -> str | None:
    for name, one in shape.items():
        if name == "*":
            pairs = [(key, part) for key, part in value.items()]
        else:
            key = name.removesuffix("?")
            if key not in value and not name.endswith("?"):
                return _below(place, key)
            pairs = [(key, value[key])] if key in value else []
        for key, part in pairs:
            if not isinstance(key, str):
                return place
            if (where := misfit(part, one, _below(place, key))) is not None:
                return where
    return None


def _below(place: str, name: object) -> str:
    return f"{place}.{name}" if place else str(name)
