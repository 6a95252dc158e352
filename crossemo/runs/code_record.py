"""What a run's record says of the user's own code, and a copy of it."""

from pathlib import Path
from typing import Any

from crossemo.encoders.own_code import names_code
from crossemo.encoders.sources import find_source
from crossemo.files import write_text


def code_facts(encoder: str | None) -> dict[str, Any]:
    """Return `code`, which file of the user's an encoder is; nothing of another.

    Args:
        encoder: Its name.
    """
    if not names_code(encoder):
        return {}
    code = find_source(str(encoder)).code
    return {} if code is None else {"code": code.plain()}


def write_code(encoder: str | None, folder: Path) -> None:
    """Write a copy of the user's file into the folder of a run.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    if names_code(encoder) and (code := find_source(str(encoder)).code):
        write_text(folder / code.path.name, code.content.decode(errors="replace"))
