"""Checkpoints without pretrained weights, refused where they don't belong."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from crossemo.encoders import SSLEncoder
from crossemo.errors import CrossEmoError


class CheckpointMismatchError(CrossEmoError):
    """A checkpoint that belongs to another encoder or another task."""


def encoder_card(
    encoder: SSLEncoder, tuning: str, classes: Sequence[str]
) -> dict[str, Any]:
    """Return what a checkpoint says of the model that it belongs to."""
    return {
        "name": encoder.name,
        "fingerprint": encoder.fingerprint(),
        "sampling_rate": encoder.sampling_rate,
        "tuning": tuning,
        "classes": list(classes),
    }


def leave_out_pretrained(
    checkpoint: dict[str, Any], encoder: SSLEncoder, card: Mapping[str, Any]
) -> None:
    """Leave out of a checkpoint what the encoder's own files hold, and name them."""
    for key in _pretrained_keys(encoder):
        del checkpoint["state_dict"][key]
    checkpoint["encoder"] = dict(card)


def put_back_pretrained(
    checkpoint: dict[str, Any],
    encoder: SSLEncoder,
    card: Mapping[str, Any],
    own: Mapping[str, Tensor],
) -> None:
    """Put back into a checkpoint what was left out.

    Args:
        checkpoint: As it was loaded.
        encoder: The encoder that it is loaded into.
        card: What a checkpoint of this model says.
        own: The weights of the model that it is loaded into.

    Raises:
        CheckpointMismatchError: It is not crossemo's or belongs to another model.
    """
    theirs = checkpoint.get("encoder")
    if theirs is None:
        raise CheckpointMismatchError(
            "This checkpoint was not written by crossemo: it names no encoder."
        )
    pretrained = {key: own[key] for key in _pretrained_keys(encoder)}
    whole = pretrained | checkpoint["state_dict"]
    fits = _shapes(whole) == _shapes(own) and theirs["classes"] == card["classes"]
    if not fits or (pretrained and theirs["fingerprint"] != card["fingerprint"]):
        raise CheckpointMismatchError(
            f"This checkpoint belongs to {_described(theirs)} and can't be loaded into "
            f"{_described(card)}: give the model section of the config that was saved "
            "beside the checkpoint."
        )
    checkpoint["state_dict"] = whole


def _pretrained_keys(encoder: SSLEncoder) -> set[str]:
    return {f"encoder.{key}" for key in encoder.pretrained_keys()}


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in state.items()}


def _described(card: Mapping[str, Any]) -> str:
    return f"{card['name']} (tuning {card['tuning']}, {len(card['classes'])} classes)"
