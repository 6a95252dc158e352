"""The files below a folder, walked alike for every corpus."""

import os
from collections.abc import Collection, Iterator
from errno import ELOOP, ENOENT
from pathlib import Path
from stat import S_ISDIR
from typing import NoReturn

from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.errors import reason_of
from crossemo.files import printable

# fmt: off
AUDIO = frozenset((
    "aac", "aif", "aiff", "au", "caf", "flac", "m4a", "mp3", "mp4", "oga", "ogg",
    "opus", "rf64", "w64", "wav", "webm", "wma",
))
# fmt: on


def walk_files(
    root: Path,
    suffixes: Collection[str] = AUDIO,
    passed_over: Collection[str] = (),
) -> Iterator[Path]:
    """Yield the files below a folder, in order of name, folder by folder.

    Links to folders are followed, each folder is entered once, and neither a folder
    above nor one that is reached without the link is entered through it. Names that
    begin with a dot are passed over. Whether a file can be read shows when it is.

    Args:
        root: The folder.
        suffixes: Endings of the files that are wanted, without the dot, in lower case.
        passed_over: Names of folders that aren't entered.

    Raises:
        CorpusError: A folder can't be read.
    """
    top = Path(os.path.realpath(root))
    entered: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        number = _number(folder)
        if number in entered:
            continue
        entered.add(number)
        below: list[Path] = []
        for path in _visible(folder):
            if _is_folder(path):
                if path.name not in passed_over and _is_way(path, top):
                    below.append(path)
            elif _suffix(path.name) in suffixes:
                yield path
        waiting.extend(reversed(below))


def check_folder(root: Path, advice: str) -> None:
    """Refuse what is no folder that can be listed.

    Args:
        root: What should be a folder.
        advice: What to do where it isn't.

    Raises:
        CorpusNotFoundError: There is nothing, or something else.
        CorpusError: The system doesn't say.
    """
    try:
        mode = os.stat(root).st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = 0
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        why = reason_of(error)
        raise CorpusError(f"{printable(root)} can't be read: {why}.") from error
    if not S_ISDIR(mode):
        wrong = "is not a folder" if mode else "does not exist"
        raise CorpusNotFoundError(f"{printable(root)} {wrong}: {advice}.")


def refuse(error: OSError) -> NoReturn:
    """Say which file can't be read.

    Raises:
        CorpusError: Always.
    """
    place = printable(error.filename)
    raise CorpusError(f"{place} can't be read: {reason_of(error)}.") from error


def _visible(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        refuse(error)
    return [folder / name for name in names if not name.startswith(".")]


def _number(folder: Path) -> tuple[int, int]:
    """Return what tells a folder from all others, whatever leads to it."""
    try:
        state = os.stat(folder)
    except OSError as error:
        refuse(error)
    return state.st_dev, state.st_ino


def _is_folder(path: Path) -> bool:
    try:
        return S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        if error.errno not in (ENOENT, ELOOP):  # of links to nothing, or in circles
            refuse(error)
        return False


def _is_way(folder: Path, top: Path) -> bool:
    """Return whether a folder should be entered by this name.

    Args:
        folder: The folder or a link to it.
        top: The real folder that the walk began with.
    """
    if not folder.is_symlink():
        return True
    target = Path(os.path.realpath(folder))
    if Path(os.path.realpath(folder.parent)).is_relative_to(target):
        return False
    if not target.is_relative_to(top):
        return True
    return any(part.startswith(".") for part in target.relative_to(top).parts)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1][1:].lower()
