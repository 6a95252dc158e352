"""Checkpoints without pretrained weights, refused where they don't belong."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crossemo.encoders import SSLEncoder
from crossemo.errors import CrossEmoError

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
    theirs = checkpoint.get("encoder")
    if theirs is None:
        raise CheckpointMismatchError(
            "This checkpoint was not written by crossemo: it names no encoder."
        )
    adapters = encoder.adaptation.adapters
    if adapters and theirs["adapters"] and theirs["tuning"] == card["tuning"]:
        adapters.load_state(theirs["adapters"])
    ours = weights()
    # A run that trains more of the encoder by now than when it wrote the checkpoint.
    lacking = _own_keys(encoder).intersection(ours) - set(checkpoint["state_dict"])
    pretrained = {key: ours[key] for key in lacking | _pretrained_keys(encoder)}
    whole = pretrained | checkpoint["state_dict"]
    fits = _shapes(whole) == _shapes(ours) and theirs["classes"] == card["classes"]
    if not fits or (pretrained and theirs["fingerprint"] != card["fingerprint"]):
        raise CheckpointMismatchError(
            f"This checkpoint belongs to {_described(theirs)} and can't be loaded into "
            f"{_described(card)}: give the model section of the config that was saved "
            "beside the checkpoint."
        )
    checkpoint["state_dict"] = whole


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint's tensors and plain values; no code in it is run.

    Raises:
        CrossEmoError: There is none, or it can't be read.
    """
    try:
        stored: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CrossEmoError(f"There is no checkpoint {path}.") from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise CrossEmoError(f"{path} can't be read as a checkpoint.") from error
    return stored


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


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in state.items()}


def _described(card: Mapping[str, Any]) -> str:
    return f"{card['name']} (tuning {card['tuning']}, {len(card['classes'])} classes)"
