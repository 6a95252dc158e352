"""The device that a command runs on."""

import os

import torch

from crossemo.errors import CrossEmoError


def prepare_few_shapes() -> None:
    """Have oneDNN keep what it has prepared for few shapes of batches, not for many.

    It keeps the last 1024 operations, each for one shape, until the process ends. Where
    every batch is of its own length they are used within a batch only, and fill memory
    for nothing. It reads this setting before its first operation.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")


def device_of(name: str | None) -> torch.device:
    """Return a device by its name; a GPU where there is one for None or `auto`.

    Raises:
        CrossEmoError: There is no such device.
    """
    if name in (None, "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        number = torch.zeros((), device=name)
        number.item()  # which a device without memory refuses
        return number.device
    except (RuntimeError, AssertionError) as error:
        raise CrossEmoError(
            f"There is no device {name} here: leave --device out, or say cpu."
        ) from error
