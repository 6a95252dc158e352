"""Sums beside what is kept, which tell whether it is as it was written."""

import json
import logging
import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

from crossemo.files import write_text

SUMS = "sums.json"  # of all files of a folder; FILE.sums.json of a single one
_BLOCK = 1 << 20

logger = logging.getLogger(__name__)

# What this process has verified, with the states in which the files were.
_verified: dict[Path, list[tuple[int, int, int]]] = {}


def sums_of(file: Path) -> Path:
    """Return where the sum of a single file lies."""
    return file.with_name(f"{file.name}.{SUMS}")


def write_sums(sums: Path, files: Iterable[Path], stamped: bool = False) -> None:
    """Write the sizes and CRC-32s of files that lie beside their sums or below.

    A CRC-32 tells every altered bit and every altered stretch of up to 32 bits.

    Args:
        sums: Where to write.
        files: The files.
        stamped: Note the times of their last changes too, and don't read a file again
            as long as its time is that one: of files that are too large for it.

    Raises:
        OSError: A file can't be read or the sums can't be written.
    """
    rows = {
        os.fspath(file.relative_to(sums.parent)): [
            *_measure(file),
            *([_stamp(file)] if stamped else ()),
        ]
        for file in sorted(files)
    }
    write_text(sums, json.dumps(rows))


def is_whole(sums: Path) -> bool:
    """Return whether files are there and all as they were when `write_sums` saw them.

    If one has changed, a line says which, and it is removed with the sums, so that all
    that they are of counts as absent. A process reads each state of a file once.
    """
    text = _text(sums)
    if text is None:
        return False
    damaged = _damaged(sums, text)
    if damaged is None:
        return True
    if _text(sums) != text:  # another process has put new files in their place
        return is_whole(sums)
    logger.warning("%s is not as it was written: it is made again.", damaged)
    for path in (sums, damaged):
        with suppress(OSError):  # a folder, or not ours to remove
            path.unlink(missing_ok=True)
    return False


def _damaged(sums: Path, text: bytes) -> Path | None:
    """Return the first file that has changed."""
    try:
        contents = json.loads(text).items()
        rows: dict[Path, object] = {sums.parent / name: row for name, row in contents}
        if not rows:
            return sums
    except (AttributeError, RecursionError, TypeError, ValueError):
        return sums
    for file, row in rows.items():
        try:
            states = [_state(path) for path in (sums, file)]
            if _verified.get(file) != states and not _as_written(file, row):
                return file
        except OSError:
            return file
        except ValueError:  # a name that no file can have
            return sums
        _verified[file] = states
    return None


def _as_written(file: Path, row: object) -> bool:
    match row:
        case [size, total, *stamp]:
            state = file.stat()
            unchanged = [size, *stamp] == [state.st_size, state.st_mtime_ns]
            return unchanged or _measure(file) == [size, total]
    return False


def _stamp(file: Path) -> int:
    """Set back the time of a file's last change, and return it.

    A change that follows at once, within one tick of the clock, then has another time.
    """
    state = file.stat()
    changed = state.st_mtime_ns - 10**9
    os.utime(file, ns=(state.st_atime_ns, changed))
    return file.stat().st_mtime_ns


def _text(sums: Path) -> bytes | None:
    try:
        return sums.read_bytes() if sums.is_file() else None  # a pipe would never end
    except OSError:
        return None


def _state(file: Path) -> tuple[int, int, int]:
    state = file.stat()
    if not S_ISREG(state.st_mode):
        raise FileNotFoundError(file)
    return state.st_size, state.st_mtime_ns, state.st_ino


def _measure(file: Path) -> list[int]:
    """Return the size and the CRC-32 of a file."""
    size = total = 0
    with file.open("rb", buffering=0) as content:
        while block := content.read(_BLOCK):
            size, total = size + len(block), zlib.crc32(block, total)
    return [size, total]
