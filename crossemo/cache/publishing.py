"""Where the cache lies, and how a folder gets there whole."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from errno import EEXIST, ENOTEMPTY
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from crossemo.cache.sums import SUMS, is_whole, write_sums
from crossemo.errors import CrossEmoError, reason_of
from crossemo.files import sync

UNFINISHED = ".crossemo-unfinished-"  # how the name of a folder being filled begins
FORSAKEN = 24 * 60 * 60.0  # seconds without a change after which nobody fills it


def cache_dir(chosen: str | Path | None = None) -> Path:
    """Return the cache folder.

    Args:
        chosen: Where it is; `$CROSSEMO_CACHE`, or else `crossemo` in the user's cache
            folder, if None. It may begin with `~`.

    Raises:
        CrossEmoError: The user has no home folder, or the folder that a relative path
            begins with is gone.
    """
    try:
        folder = os.environ.get("CROSSEMO_CACHE") if chosen is None else chosen
        if not folder:
            user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
            folder = Path(user, "crossemo")
        return Path(folder).expanduser().absolute()
    except (FileNotFoundError, RuntimeError) as error:
        raise CrossEmoError(
            "There is no home or working folder to keep a cache in: set the "
            "environment variable CROSSEMO_CACHE to the whole path of a folder."
        ) from error


def unwritable(what: str, folder: Path, error: Exception) -> str:
    """Return what to say where something can't be written to the cache.

    Args:
        what: What it is, at the beginning of the sentence.
        folder: Where to.
        error: What the system says.
    """
    return (
        f"{what} can't be written to {folder} ({reason_of(error)}): make room there, "
        "or choose another folder by data.cache_dir or the environment variable "
        "CROSSEMO_CACHE."
    )


def _as_good(there: Path, ours: Path) -> bool:
    return not (ours / SUMS).exists() or is_whole(there / SUMS)


def free_bytes(folder: Path) -> int:
    """Return how many bytes the disk has free where a folder is or will be.

    Raises:
        OSError: The system can't tell.
    """
    there = next(one for one in (folder, *folder.parents) if os.path.isdir(one))
    return shutil.disk_usage(there).free


def in_bytes(size: int) -> str:
    """Return a size in GB or MB, as a sentence has it."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


@contextmanager
def new_folder(
    final: Path,
    stays: Callable[[Path, Path], bool] = _as_good,
    sums: bool = True,
    stamped: bool = False,
) -> Iterator[Path]:
    """Give an empty folder to fill, which gets its name when all went well.

    `final` is thus whole or absent, however many processes write it, whichever of them
    are killed, and if the power fails. What killed ones left beside it is removed after
    a day.

    Args:
        final: The name that it gets; its parents are made where they are missing.
        stays: Asked if there is a `final` by then, with that folder and ours: whether
            that one stays. If not, ours takes its place. By default it stays if it is
            whole.
        sums: Whether to write the sums of all files into it, see `is_whole`.
        stamped: Whether to trust files with the time that they have by then, see
            `write_sums`.

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
        _finish(ours, sums, stamped)
        while not _renamed(ours, final) and not stays(final, ours):
            with suppress(FileNotFoundError):  # a third process was faster
                final.rename(Path(mkdtemp(dir=scratch), final.name))
        sync(final.parent)


def _finish(folder: Path, sums: bool, stamped: bool) -> None:
    """Write the sums, and wait until all that a folder holds is on the disk."""
    inside = list(folder.rglob("*"))
    files = [path for path in inside if path.is_file()]
    if sums:
        write_sums(folder / SUMS, files, stamped)
    with ThreadPoolExecutor(8) as threads:  # a disk does many at once
        list(threads.map(sync, files))
    for path in (folder, *inside):
        if path.is_dir():
            sync(path)


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
    # A change far in the future is of a time when the clock was wrong.
    for scratch in parent.glob(f"{UNFINISHED}*"):
        with suppress(OSError):  # another user's, or gone by now
            inside = (scratch, *scratch.rglob("*"))
            changed = max(path.lstat().st_mtime for path in inside)
            if abs(time.time() - changed) > FORSAKEN:
                shutil.rmtree(scratch, ignore_errors=True)
