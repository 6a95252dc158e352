"""The device that a command computes on."""

import torch

from crossemo.errors import CrossEmoError


def device_named(name: str | None) -> torch.device:
    """Return where to compute: on a GPU where there is one, if no device is named.

    Raises:
        CrossEmoError: There is no such device.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        number = torch.zeros((), device=name)
        number.item()  # which a device without memory refuses
        return number.device
    except (RuntimeError, AssertionError) as error:
        raise CrossEmoError(
            f"There is no device {name} here: leave --device out, or say cpu."
        ) from error
