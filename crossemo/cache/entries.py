"""What lies in the cache, whatever else has got there, and how it is removed."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from crossemo.cache.publishing import UNFINISHED, cache_dir
from crossemo.errors import CrossEmoError, listed, reason_of

KINDS = ("audio", "demo", "distances", "features", "files", "waveforms")
_CLEARED = ".crossemo-cleared-"  # how the name of what is being removed begins
_LONGEST_NOTE = 1 << 16  # bytes
_LAST_DAY = 253_402_214_400.0  # the last that a calendar has, 31 December 9999


@dataclass(frozen=True)
class Entry:
    """A folder of the cache.

    Args:
        kind: One of `KINDS`.
        folder: Where it lies.
        size: Bytes.
        used: When it was last written to or read, in seconds since 1970.
        about: What its note says of it; empty if it has none that can be read.
    """

    kind: str
    folder: Path
    size: int
    used: float
    about: str


def entries(home: Path | None = None) -> list[Entry]:
    """Return what lies in the cache, the largest first of every kind.

    Files that are none of crossemo's, and what can't be read or vanishes meanwhile,
    are passed over.

    Args:
        home: The cache folder; `cache_dir` if None.

    Raises:
        CrossEmoError: It is no folder, or it can't be read.
    """
    home = home or cache_dir()
    if os.path.lexists(home):
        try:
            os.listdir(home)
        except OSError as error:
            raise CrossEmoError(
                f"{home} can't be read as a cache ({reason_of(error)}): set the "
                "environment variable CROSSEMO_CACHE to the path of another folder."
            ) from error
    rows = [
        _entry(kind, folder)
        for kind in KINDS
        for folder in _folders(home / kind)
        if not folder.name.startswith((UNFINISHED, _CLEARED))
    ]
    return sorted(rows, key=lambda entry: (entry.kind, -entry.size))


def clear(kinds: Iterable[str] = KINDS, home: Path | None = None) -> int:
    """Remove what lies in the cache, and return how many bytes that frees.

    Args:
        kinds: Kinds to remove.
        home: The cache folder; `cache_dir` if None.

    Raises:
        CrossEmoError: Something can't be removed; the rest is.
    """
    chosen, freed, refusals = set(kinds), 0, []
    home = home or cache_dir()
    for entry in entries(home):
        if entry.kind in chosen:
            try:
                _remove(entry.folder)
                freed += entry.size
            except FileNotFoundError:
                pass  # another process was faster
            except OSError as error:
                refusals.append(f"{entry.folder} ({reason_of(error)})")
    for kind in chosen:
        for folder in _folders(home / kind):
            if folder.name.startswith(_CLEARED):  # by a process that was killed
                shutil.rmtree(folder, ignore_errors=True)
    if refusals:
        raise CrossEmoError(
            f"{listed(refusals, most=1)} can't be removed: ask whoever owns the "
            "folder, or set CROSSEMO_CACHE to one of your own."
        )
    return freed


def _remove(folder: Path) -> None:
    """Remove a folder, or a link to one, so that nobody finds half of it."""
    if folder.is_symlink():
        folder.unlink()
        return
    doomed = folder.with_name(f"{_CLEARED}{token_hex(8)}")
    folder.rename(doomed)
    shutil.rmtree(doomed)


def _folders(parent: Path) -> list[Path]:
    """Return the folders in a folder; none if it is no folder."""
    try:
        paths = [parent / name for name in os.listdir(parent)]
    except OSError:
        return []
    return [path for path in paths if os.path.isdir(path)]


def _entry(kind: str, folder: Path) -> Entry:
    states = list(_states(folder))
    used = max((max(s.st_atime, s.st_mtime) for s in states), default=0.0)
    return Entry(
        kind=kind,
        folder=folder,
        size=sum(state.st_size for state in states),
        used=min(max(used, 0.0), _LAST_DAY),
        about=_about(folder / "about.json"),
    )


def _states(folder: Path) -> Iterator[os.stat_result]:
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # gone by now
                yield os.lstat(os.path.join(place, name))


def _about(note: Path) -> str:
    try:
        if not note.is_file() or note.stat().st_size > _LONGEST_NOTE:
            return ""
        values = json.loads(note.read_text("utf-8")).values()
    except (AttributeError, OSError, RecursionError, ValueError):
        return ""
    return ", ".join(str(value) for value in values)
