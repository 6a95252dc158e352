"""The folders of runs: `logs/NAME/version_K`."""

import atexit
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from crossemo.errors import CrossEmoError, reason_of
from crossemo.files import expanded
from crossemo.runs.checkpoint_files import CheckpointError, refuse_broken, refuse_url

logger = logging.getLogger(__name__)

LAST = Path("checkpoints", "last.ckpt")
NAME_MAX = 200  # bytes; file systems have 255, and some files add to the name


def folder_of_runs(logs: str | Path, name: str) -> Path:
    """Return the folder of the runs of a name, which lies below the logs.

    Raises:
        CrossEmoError: It would lie elsewhere, or no folder can have that name.
    """
    place, parts = str(expanded(logs)), Path(name).parts
    strange = not parts or Path(name).is_absolute() or parts[0].startswith("~")
    if strange or ".." in parts or "\0" in name:
        raise CrossEmoError(
            f"A run can't have the name {name!r}, as it lies below {logs}: give the "
            "name of a folder with --name."
        )
    if (longest := max(len(os.fsencode(part)) for part in parts)) > NAME_MAX:
        raise CrossEmoError(
            f"The run's name, {name[:20]!r} and so on, has {longest} bytes: give one "
            f"of {NAME_MAX} or fewer with --name."
        )
    if not place.strip() or "\0" in place:
        raise CrossEmoError(f"No folder is named {place!r}: give another --logs.")
    return Path(os.path.realpath(place), name)


def claim_version(folder: Path, kind: str = "version") -> int:
    """Make the next free `version_K` below a folder and return K.

    What goes on from the `last` checkpoint looks at folders of that kind alone.

    It is removed at the end if nothing was written there. Processes other than the
    first make nothing; the logs are the first one's.

    Args:
        folder: Where the runs of a name lie.
        kind: Another word than `version`, for runs that train nothing.

    Raises:
        CrossEmoError: The folder can't be written to.
    """
    from lightning.fabric.utilities.rank_zero import rank_zero_only  # takes seconds

    version = max(_versions(folder, kind), default=-1) + 1
    while getattr(rank_zero_only, "rank", 0) == 0:
        try:
            (folder / f"{kind}_{version}").mkdir(parents=True)
            atexit.register(_remove_if_unused, folder / f"{kind}_{version}")
            break
        except FileExistsError:
            version += 1
        except OSError as error:
            raise CrossEmoError(
                f"Can't write results below {folder}: {reason_of(error)}; "
                "choose another folder with --logs."
            ) from error
    return version


def find_checkpoint(name: str, folder: Path) -> str:
    """Return the path of a checkpoint that a user asks for.

    Args:
        name: A path, or `last` for that of the newest run whose own is whole. Newest is
            the run of the highest number, whatever the clock said.
        folder: Where the runs of that name lie.

    Raises:
        CrossEmoError: There is no such checkpoint, or it is not whole.
    """
    if name != "last":
        refuse_url(name)
        file = str(expanded(name))
        if not name or not os.path.exists(file):
            raise CrossEmoError(
                f"There is no checkpoint {file if name else repr(name)}: give the path "
                f"of one, such as {folder / 'version_0' / LAST}, or last."
            )
        refuse_broken(file)
        return file
    for version in sorted(_versions(folder), reverse=True):
        path = folder / f"version_{version}" / LAST
        if path.exists():
            try:
                refuse_broken(path)
            except CheckpointError as error:
                logger.info(f"{error} An earlier run's is looked for.")
            else:
                return str(path)
    raise CrossEmoError(
        f"No run below {folder} has left a checkpoint to go on from: begin one "
        "without --ckpt_path, or say which with --name."
    )


def _versions(folder: Path, kind: str = "version") -> Iterator[int]:
    for path in folder.glob(f"{kind}_*"):
        number = path.name.removeprefix(f"{kind}_")
        if number.isdigit():
            yield int(number)


def _remove_if_unused(folder: Path) -> None:
    """Remove the folder of a run that failed before it wrote more than it began with.

    That is a log's head and what it was asked for.
    """
    with suppress(OSError):
        first = [*folder.glob("events.out.tfevents.*"), *folder.glob("config.yaml")]
        if len(first) == len(list(folder.iterdir())):
            for path in first:
                path.unlink()
            folder.rmdir()
            folder.parent.rmdir()
