"""Checkpoints without pretrained weights, refused where they don't belong."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from crossemo.encoders import SSLEncoder
from crossemo.errors import CrossEmoError, listed
from crossemo.runs.checkpoint_files import name_of

_CLASSIFIER = "head.classifier."


class CheckpointMismatchError(CrossEmoError):
    """A checkpoint that belongs to another encoder or another task."""


def encoder_card(encoder: SSLEncoder, classes: Sequence[str]) -> dict[str, Any]:
    """Return what a checkpoint says of the model that it belongs to."""
    adapters = encoder.adaptation.adapters
    return {
        "name": encoder.name,
        "fingerprint": encoder.fingerprint(),
        "sampling_rate": encoder.sampling_rate,
        "tuning": encoder.tuning,
        "adapters": None if adapters is None else adapters.state(),
        "classes": list(classes),
    }


def leave_out_pretrained(
    checkpoint: dict[str, Any], encoder: SSLEncoder, card: Mapping[str, Any]
) -> None:
    """Leave out of a checkpoint what the encoder's own files hold, and name them."""
    for key in _pretrained_keys(encoder):
        del checkpoint["state_dict"][key]
    checkpoint["encoder"] = dict(card)


def refuse_unusable(checkpoint: Mapping[str, Any]) -> None:
    """Refuse weights that are no recogniser's, or no numbers any more.

    Raises:
        CheckpointMismatchError: They are such.
    """
    name = name_of(checkpoint)
    if "encoder" not in checkpoint:
        raise CheckpointMismatchError(
            f"The {name} was not written by crossemo: it names no encoder."
        )
    for key, value in checkpoint["state_dict"].items():
        if isinstance(value, Tensor) and not value.isfinite().all():
            raise CheckpointMismatchError(
                f"The weights in {name} are no numbers any more ({key}), as their "
                "training diverged: take an earlier one, or begin anew with a lower lr."
            )


def put_back_pretrained(
    checkpoint: dict[str, Any],
    encoder: SSLEncoder,
    card: Mapping[str, Any],
    weights: Callable[[], Mapping[str, Tensor]],
) -> None:
    """Put back into a checkpoint what was left out.

    Args:
        checkpoint: As it was loaded.
        encoder: The encoder that it is loaded into; gets the checkpoint's adapters.
        card: What a checkpoint of this model says.
        weights: Returns the weights of the model that it is loaded into; those of its
            encoder as they were before any training, where a checkpoint may lack them.

    Raises:
        CheckpointMismatchError: It is not crossemo's or belongs to another model.
    """
    refuse_unusable(checkpoint)
    name, theirs = name_of(checkpoint), checkpoint["encoder"]
    _load_adapters(encoder, theirs, card, name)
    ours = weights()
    # A run that trains more of the encoder by now than when it wrote the checkpoint.
    lacking = _own_keys(encoder).intersection(ours) - set(checkpoint["state_dict"])
    pretrained = {key: ours[key] for key in lacking | _pretrained_keys(encoder)}
    whole = pretrained | checkpoint["state_dict"]
    shapes = _shapes(whole), _shapes(ours)
    other = sorted(key for key in whole | ours if len({s.get(key) for s in shapes}) > 1)
    fits = not other and theirs["classes"] == card["classes"]
    if not fits or (pretrained and theirs["fingerprint"] != card["fingerprint"]):
        raise CheckpointMismatchError(
            f"The {name} belongs to {_described(theirs)} and can't be loaded into "
            f"{_described(card)}{_others(other)}: give the model section of the config "
            "that was saved beside the checkpoint."
        )
    checkpoint["state_dict"] = whole


def take_new_head(
    checkpoint: dict[str, Any], classes: Sequence[str], weights: Mapping[str, Tensor]
) -> bool:
    """Give a checkpoint of other classes the classifier of a model; say whether so."""
    card = checkpoint.get("encoder")
    if card is None or card["classes"] == list(classes):
        return False
    checkpoint["encoder"] = card | {"classes": list(classes)}
    checkpoint["state_dict"] |= {
        key: value for key, value in weights.items() if key.startswith(_CLASSIFIER)
    }
    return True


def _pretrained_keys(encoder: SSLEncoder) -> set[str]:
    return {f"encoder.{key}" for key in encoder.pretrained_keys()}


def _own_keys(encoder: SSLEncoder) -> set[str]:
    return {f"encoder.model.{name}" for name in encoder.adaptation.base_parameters()}


def _load_adapters(
    encoder: SSLEncoder, theirs: Mapping[str, Any], card: Mapping[str, Any], name: str
) -> None:
    adapters, state = encoder.adaptation.adapters, theirs["adapters"]
    if not adapters or not state or theirs["tuning"] != card["tuning"]:
        return
    names = state["names"]
    if not names or len(names) > len(set(names)) or not all(map(_is_name, names)):
        raise CheckpointMismatchError(
            f"The names of the adapters in {name} are broken."
        )
    adapters.load_state(state)


def _is_name(name: str) -> bool:
    return re.fullmatch(r"\w+", name) is not None


def _shapes(state: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return what must be equal of tensors that one can be loaded into the other."""
    return {
        key: (value.shape, value.layout, _kind(value))
        if isinstance(value, Tensor)
        else (type(value),)
        for key, value in state.items()
    }


def _others(keys: Sequence[str]) -> str:
    return f", as weights differ ({listed(keys, most=1)})" if keys else ""


def _kind(tensor: Tensor) -> torch.dtype | str:
    """Return a type of numbers, where floating ones of any precision are of one."""
    return "floating" if tensor.is_floating_point() else tensor.dtype


def _described(card: Mapping[str, Any]) -> str:
    outputs = listed(card["classes"])
    return f"{card['name']} (tuning {card['tuning']}; outputs {outputs})"
