"""The files below a folder, and the rows of a table, read alike for every corpus."""

import csv
import os
from collections.abc import Collection, Iterator, Mapping
from errno import ELOOP, ENOENT
from pathlib import Path
from stat import S_ISDIR
from typing import NoReturn

from crossemo.corpora.base import CorpusError, CorpusNotFoundError
from crossemo.errors import listed, reason_of
from crossemo.files import printable

# fmt: off
AUDIO = frozenset((
    "aac", "aif", "aiff", "au", "caf", "flac", "m4a", "mp3", "mp4", "oga", "ogg",
    "opus", "rf64", "w64", "wav", "webm", "wma",
))
# fmt: on


def walk_files(root: Path, suffixes: Collection[str] = AUDIO) -> Iterator[Path]:
    """Yield the files below a folder, in order of name, folder by folder.

    Links to folders are followed, each folder is entered once, and neither a folder
    above nor one that is reached without the link is entered through it. Names that
    begin with a dot are passed over. Whether a file can be read shows when it is.

    Args:
        root: The folder.
        suffixes: Endings of the files that are wanted, without the dot, in lower case.

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
                if _is_way(path, top):
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


def find_audio(root: Path, stems: Collection[str]) -> dict[str, Path]:
    """Return the audio file of each name without suffix, wherever below a folder.

    Args:
        root: The folder.
        stems: Names without suffix, such as `Ses01F_impro01_F000`.

    Returns:
        The first file of each name; names without a file are left out.

    Raises:
        CorpusError: A folder can't be read.
    """
    wanted = {printable(stem): stem for stem in stems}
    files: dict[str, Path] = {}
    for path in walk_files(root):
        if stem := wanted.get(printable(path.stem)):
            files.setdefault(stem, path)
    return files


def read_table(
    path: Path, columns: Collection[str] = (), delimiter: str | None = None
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the rows of a table of text, with their numbers as an editor shows them.

    Cells are stripped of blanks; a byte order mark is passed over.

    Args:
        path: A file in UTF-8 whose first row names the columns.
        columns: Columns that must be there.
        delimiter: What separates cells; a tab in a `.tsv` file and else a comma, if
            None.

    Raises:
        CorpusError: The file can't be read, is not in UTF-8 or lacks a column.
    """
    delimiter = delimiter or ("\t" if path.suffix == ".tsv" else ",")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, delimiter=delimiter, restval="")
            names = [(name or "").strip() for name in reader.fieldnames or ()]
            if missing := [column for column in columns if column not in names]:
                raise CorpusError(
                    f"{path} has no column {missing[0]}: its columns are "
                    f"{listed(names)}."
                )
            reader.fieldnames = names
            for row in reader:
                cells = {name: (row[name] or "").strip() for name in names}
                yield reader.line_num, cells
    except OSError as error:
        refuse(error)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(
            f"{path} can't be read as a table in UTF-8: {error}."
        ) from error


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
