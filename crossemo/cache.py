"""Where crossemo keeps what it makes once, and how a folder gets there whole."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EEXIST, ENOTEMPTY
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from crossemo.errors import CrossEmoError

KINDS = ("demo", "features", "files", "waveforms")
UNFINISHED = ".crossemo-unfinished-"  # how the name of a folder being filled begins
FORSAKEN = 24 * 60 * 60.0  # seconds without a change after which nobody fills it


def cache_dir() -> Path:
    """Return `$CROSSEMO_CACHE`, or `crossemo` in the user's cache folder.

    Raises:
        CrossEmoError: The user has no home folder.
    """
    try:
        if folder := os.environ.get("CROSSEMO_CACHE"):
            return Path(folder).expanduser()
        user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:
        raise CrossEmoError(
            "There is no home folder to keep a cache in: set the environment variable "
            "CROSSEMO_CACHE to the path of a folder."
        ) from error
    return Path(user, "crossemo")


@contextmanager
def new_folder(
    final: Path, stays: Callable[[Path, Path], bool] = lambda there, ours: True
) -> Iterator[Path]:
    """Give an empty folder to fill, which gets its name when all went well.

    `final` is thus whole or absent, however many processes write it and whichever of
    them are killed. What killed ones left beside it is removed after a day.

    Args:
        final: The name that it gets; its parents are made where they are missing.
        stays: Asked if another process has published `final` meanwhile, with that
            folder and ours: whether that one stays. If not, ours takes its place.

    Yields:
        The folder to fill.

    Raises:
        OSError: The disk is full, or the parent can't be written.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    _remove_forsaken(final.parent)
    with TemporaryDirectory(
        prefix=UNFINISHED, dir=final.parent, ignore_cleanup_errors=True
    ) as scratch:
        # One level down, as TemporaryDirectory closes its folder to other users.
        ours = Path(scratch, final.name)
        ours.mkdir()
        yield ours
        while not _renamed(ours, final) and not stays(final, ours):
            with suppress(FileNotFoundError):  # a third process was faster
                final.rename(Path(mkdtemp(dir=scratch), final.name))


@dataclass(frozen=True)
class Entry:
    """A folder of the cache.

    Args:
        kind: One of `KINDS`.
        folder: Where it lies.
        size: Bytes.
        used: When it was last written to or read, in seconds since 1970.
        about: What its note says of it; empty if it has none.
    """

    kind: str
    folder: Path
    size: int
    used: float
    about: str


def entries(home: Path | None = None) -> list[Entry]:
    """Return what lies in the cache, the largest first of every kind.

    Args:
        home: The cache folder; `cache_dir` if None.
    """
    home = home or cache_dir()
    rows = []
    for kind in KINDS:
        for folder in (home / kind).glob("*"):
            if folder.is_dir() and not folder.name.startswith(UNFINISHED):
                rows.append(_entry(kind, folder))
    return sorted(rows, key=lambda entry: (entry.kind, -entry.size))


def clear(kinds: Iterable[str] = KINDS, home: Path | None = None) -> int:
    """Remove what lies in the cache, and return how many bytes that frees.

    Args:
        kinds: Kinds to remove.
        home: The cache folder; `cache_dir` if None.

    Raises:
        OSError: A file can't be removed.
    """
    freed = 0
    for entry in entries(home):
        if entry.kind in kinds:
            # Renamed first, so that nobody finds half of it.
            doomed = entry.folder.with_name(f"{UNFINISHED}{entry.folder.name}")
            entry.folder.rename(doomed)
            shutil.rmtree(doomed)
            freed += entry.size
    return freed


def _entry(kind: str, folder: Path) -> Entry:
    states = [path.lstat() for path in folder.rglob("*") if path.is_file()]
    about = folder / "about.json"
    note = json.loads(about.read_text("utf-8")) if about.is_file() else {}
    return Entry(
        kind=kind,
        folder=folder,
        size=sum(state.st_size for state in states),
        used=max((max(s.st_atime, s.st_mtime) for s in states), default=0.0),
        about=", ".join(str(value) for value in note.values()),
    )


def _renamed(ours: Path, final: Path) -> bool:
    try:
        ours.rename(final)
    except OSError as error:
        if error.errno not in (EEXIST, ENOTEMPTY):
            raise
        return False
    return True


def _remove_forsaken(parent: Path) -> None:
    # By the last change, not by process number: other machines may share the folder.
    for scratch in parent.glob(f"{UNFINISHED}*"):
        with suppress(OSError):  # another user's, or gone by now
            inside = (scratch, *scratch.rglob("*"))
            changed = max(path.lstat().st_mtime for path in inside)
            if time.time() - changed > FORSAKEN:
                shutil.rmtree(scratch, ignore_errors=True)
