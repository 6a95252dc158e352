"""What Lightning and classes of users' own refuse, told from faults of crossemo's."""

import re
import traceback

from crossemo.commands.survey import shorten

_FIRST = re.compile(r"Errors:\n +- (.*?)(?:\n +- |\n *Given value|\Z)", re.S)


def is_lightnings(error: BaseException) -> bool:
    """Return whether it was Lightning itself that refused something."""
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    return isinstance(error, MisconfigurationException) or _modules(error)[
        -1
    ].startswith("lightning.")


def refusal_of(error: Exception) -> str | None:
    """Return what to say where classes that a config names could not be made.

    Args:
        error: What was raised.

    Returns:
        One sentence; None where code of crossemo's own failed.
    """
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    for module in _modules(root):
        if module.startswith("crossemo.") and not module.startswith("crossemo.com"):
            return None
    first = _FIRST.search(str(error))  # of what several types were tried
    text = shorten(first[1] if first else error, 300)
    return text if text.endswith(".") else f"{text}."


def _modules(error: BaseException) -> list[str]:
    """Return the modules that an error came through, that which raised it last."""
    frames = traceback.walk_tb(error.__traceback__)
    return [str(frame.f_globals.get("__name__")) for frame, _ in frames] or [""]
