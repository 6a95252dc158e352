"""Write files so that a reader never meets half of one."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name and rename it into place.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
