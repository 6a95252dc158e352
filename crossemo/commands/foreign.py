"""What Lightning and classes of users' own refuse, told from faults of crossemo's."""

import re

from crossemo.errors import modules_of, shortened

_FIRST = re.compile(r"Errors:\n +- (.*?)(?:\n +- |\n *Given value|\Z)", re.S)


def is_lightnings(error: BaseException) -> bool:
    """Return whether it was Lightning itself that refused something."""
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    *_, last = ["", *modules_of(error)]
    return isinstance(error, MisconfigurationException) or last.startswith("lightning.")


def foreign_refusal(error: Exception) -> str | None:
    """Return what to say where classes that a config names could not be made.

    Args:
        error: What was raised.

    Returns:
        One sentence; None where code of crossemo's own failed.
    """
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    ours = [one for one in modules_of(root) if one.startswith("crossemo.")]
    if not all(one.startswith("crossemo.commands") for one in ours):
        return None
    first = _FIRST.search(str(error))  # of what several types were tried
    text = shortened(first[1] if first else error, 300)
    return text if text.endswith(".") else f"{text}."
