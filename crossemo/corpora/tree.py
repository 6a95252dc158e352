"""What lies below the root of a corpus: its tables by name, its audio by stem."""

import os
from collections.abc import Collection, Iterable
from functools import cached_property
from pathlib import Path

from crossemo.corpora.base import CorpusNotFoundError
from crossemo.corpora.listing import AUDIO, check_folder, walk_files
from crossemo.corpora.rows import has_columns
from crossemo.errors import listed
from crossemo.files import printable

TABLES = frozenset(("csv", "tsv", "txt", "json", "jsonl", "parquet"))
POINTER = b"version https://git-lfs"  # how a file begins that git-lfs has not fetched


class Tree:
    """The visible files below a folder, walked once.

    Args:
        root: The folder.
        advice: What to do where it is not what a corpus looks like, such as `give the
            unpacked folder DEAM`.
        passed_over: Names of folders that hold nothing of use, which aren't entered.

    Raises:
        CorpusNotFoundError: There is no such folder.
        CorpusError: A folder can't be read.
    """

    def __init__(
        self, root: Path, advice: str, passed_over: Collection[str] = ("__MACOSX",)
    ) -> None:
        check_folder(root, advice)
        self.root, self.advice = root, advice
        self.files = list(walk_files(root, AUDIO | TABLES, passed_over))

    @cached_property
    def sounds(self) -> list[Path]:
        """The audio files."""
        return [path for path in self.files if _suffix(path) in AUDIO]

    @cached_property
    def audio(self) -> dict[str, Path]:
        """The first audio file of each stem, such as `Ses01F_impro01_F000`."""
        return by_stem(self.sounds)

    def audio_below(self, folder: Path) -> dict[str, Path]:
        """Return the first audio file of each stem below a folder."""
        return by_stem(path for path in self.sounds if path.is_relative_to(folder))

    def audio_in(self, *folders: str) -> dict[str, Path]:
        """Return the audio below folders of these names, whatever their case.

        For corpora whose files are only numbered: so are those of another corpus, which
        may lie below the same root. Where no folder is named so, it is all audio if
        that lies in one folder.

        Args:
            folders: Names of folders, such as `MEMD_audio`.
        """
        names = {name.casefold() for name in folders}
        within = [path for path in self.sounds if names & _parts(path, self.root)]
        if not within and len({path.parent for path in self.sounds}) == 1:
            within = self.sounds
        return by_stem(within)

    def table(self, *names: str, columns: Collection[str] = ()) -> Path:
        """Return the first file of one of these names, see `tables`.

        Args:
            names: The names.
            columns: Columns that tell it from another corpus's table of that name; the
                first is returned where none has them.

        Raises:
            CorpusNotFoundError: There is none.
        """
        for name in names:
            if paths := self.tables(name):
                fitting = (path for path in paths if has_columns(path, columns))
                return paths[0] if len(paths) == 1 else next(fitting, paths[0])
        raise CorpusNotFoundError(
            f"No {listed(names, last=' or ')} lies under {printable(self.root)}: "
            f"{self.advice}."
        )

    def tables(self, name: str) -> list[Path]:
        """Return all files of a name, or the end of a path, whatever its case."""
        *folders, last = name.casefold().split("/")
        return [
            path
            for path in self._named.get(last, [])
            if not folders or _folders(path)[-len(folders) :] == folders
        ]

    @cached_property
    def _named(self) -> dict[str, list[Path]]:
        named: dict[str, list[Path]] = {}
        for path in self.files:
            named.setdefault(path.name.casefold(), []).append(path)
        return named


def by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """Return the first file of each stem."""
    files: dict[str, Path] = {}
    for path in paths:
        files.setdefault(printable(path.stem), path)
    return files


def _parts(path: Path, root: Path) -> set[str]:
    return {part.casefold() for part in path.relative_to(root).parts[:-1]}


def pointers(paths: Iterable[Path]) -> set[Path]:
    """Return the files that only point to audio which git-lfs has not fetched."""
    return {path for path in paths if _is_pointer(path)}


def _is_pointer(path: Path) -> bool:
    try:
        if os.stat(path).st_size > 1024:
            return False
        with path.open("rb") as file:
            return file.read(len(POINTER)) == POINTER
    except OSError:  # whoever decodes it says why it can't be read
        return False


def _folders(path: Path) -> list[str]:
    return [name.casefold() for name in path.parent.parts]


def _suffix(path: Path) -> str:
    return path.suffix[1:].lower()
