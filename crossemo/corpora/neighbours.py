"""The files that a table names, each folder of them listed once."""

import os
from functools import cache
from pathlib import Path
from unicodedata import normalize

from crossemo.corpora.listing import AUDIO
from crossemo.files import printable


class Neighbours:
    """The files that lie in the folders of those that were asked for.

    A name may be written in another case, in another form of Unicode or with the
    backslashes of Windows, where that leaves no doubt.

    Args:
        root: The folder that relative paths begin in.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._named: set[Path] = set()
        self._files = cache(self._list)

    def find(self, file: str) -> Path | None:
        """Return where a file lies; None where it doesn't."""
        for name in dict.fromkeys((file, file.replace("\\", "/"))):
            path = self.root / name
            names = self._files(path.parent)
            (alike, *others) = names.get(_key(path.name), [""])
            if path.name in (alike, *others):
                alike, others = path.name, []
            if alike and not others:
                self._named.add(path.with_name(alike))
                return path.with_name(alike)
        return None

    def strays(self) -> dict[str, Path]:
        """Return the audio beside those files that nobody has asked for, by name."""
        folders = {path.parent for path in self._named}
        paths = [
            folder / name
            for folder in sorted(folders)
            for names in self._files(folder).values()
            for name in names
            if _is_audio(name)
        ]
        return {self._name(path): path for path in paths if path not in self._named}

    def _name(self, path: Path) -> str:
        return printable(os.path.relpath(path, self.root))

    def _list(self, folder: Path) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        try:
            for name in os.listdir(folder):
                names.setdefault(_key(name), []).append(name)
        except (OSError, ValueError):  # no folder, or a name with a null character
            return {}
        return names


def _key(name: str) -> str:
    return normalize("NFC", name).casefold()


def _is_audio(name: str) -> bool:
    suffix = os.path.splitext(name)[1][1:].lower()
    return suffix in AUDIO and not name.startswith(".")
