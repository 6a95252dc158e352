"""The device that a command runs on."""

import torch

from crossemo.errors import CrossEmoError


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
