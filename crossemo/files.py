"""Write files so that a reader never meets half of one, even after a power cut."""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import normalize

from crossemo.errors import CrossEmoError


def expanded(path: str | Path) -> Path:
    """Return a path with the home folder for `~`.

    Raises:
        CrossEmoError: There is no such user, or no home folder.
    """
    full = os.path.expanduser(path)
    if full.startswith("~"):
        raise CrossEmoError(f"There is no home folder for {path}: give the full path.")
    return Path(full)


def from_here(path: str | Path) -> str:
    """Return a path as it is typed in the working folder; in full if it lies elsewhere.

    A run that lasts for days may well survive the folder that it was begun in.
    """
    try:
        relative = os.path.relpath(path)
    except FileNotFoundError:
        return str(path)
    return str(path) if relative.startswith("..") else relative


def printable(name: str | Path) -> str:
    """Return a name as text that any table, figure or line of a log bears.

    Letters are composed (Unicode's NFC), as one name may be spelt in two ways; bytes
    that are not UTF-8 and characters that can't be printed become escapes.
    """
    bare = str(name).encode("utf-8", "surrogateescape")  # whatever the locale is
    text = bare.decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() else ascii(letter)[1:-1]
        for letter in normalize("NFC", text)
    )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to, which becomes `path` when all went well.

    The temporary file lies beside `path`, so that it never crosses file systems, and
    is on the disk before it gets its name.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_in(folder: Path) -> Iterator[Path]:
    """Give an empty folder, whose files then take their places in `folder`, each whole.

    Raises:
        OSError: As `replacing`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unfinished-", dir=folder) as scratch:
        yield Path(scratch)
        for path in sorted(Path(scratch).iterdir()):
            sync(path)
            path.replace(folder / path.name)
    sync(folder)


def sync(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk.

    Some network file systems don't do so for folders; then it may come later.

    Raises:
        OSError: A file can't be written.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        if not path.is_dir():
            raise


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all.

    Bytes of a file's name that are not UTF-8 are written as Python shows them.

    Raises:
        OSError: As `replacing`.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table; its columns are those of all rows, in order of appearance.

    Raises:
        OSError: As `write_text`.
    """
    text = io.StringIO()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
