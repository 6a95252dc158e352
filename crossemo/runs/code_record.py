"""What a run's record says of the user's own code, and a copy of it."""

from pathlib import Path
from typing import Any

from crossemo.encoders.user_code import UserCode, names_code, read_code
from crossemo.files import replacing


def code_of(encoder: str | None) -> UserCode | None:
    """Return the user's file that an encoder is; None of another, or of none.

    To be asked for before the encoder runs, as the file may change meanwhile.

    Args:
        encoder: Its name.

    Raises:
        EncoderError: There is no such file.
    """
    return read_code(str(encoder)) if names_code(encoder) else None


def code_facts(code: UserCode | None) -> dict[str, Any]:
    """Return `code`, which file of the user's has run; nothing if none has.

    Args:
        code: What the encoder was made by.
    """
    return {} if code is None else {"code": code.plain()}


def write_code(code: UserCode | None, folder: Path) -> None:
    """Write a copy of what has run of the user's file into the folder of a run.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    if code is not None:
        with replacing(folder / code.path.name) as temporary:
            temporary.write_bytes(code.content)
