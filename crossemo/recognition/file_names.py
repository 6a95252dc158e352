"""The recordings that a user names: files, folders, and lists of names."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from crossemo.corpora.listing import walk_files

LIST = "-"  # stands for the names in a list


def named(given: Iterable[str], listed: Iterable[bytes] = ()) -> Iterator[Path]:
    """Yield the files that are named; of a folder, all audio below it by its endings.

    What is no folder is taken for a file, whatever its ending: whether it is there and
    is audio shows when it is read.

    Args:
        given: Files and folders, and `-` for those that are listed.
        listed: The lines of a list, a name each, such as those of standard input.

    Raises:
        CorpusError: A folder can't be read.
    """
    for name in given:
        names = _lines(listed) if name == LIST else [name]
        for path in map(Path, names):
            if path.is_dir():
                yield from walk_files(path)
            else:
                yield path


def _lines(listed: Iterable[bytes]) -> Iterator[str]:
    for line in listed:
        if name := line.rstrip(b"\r\n"):
            yield os.fsdecode(name)
