"""The folders of runs: `logs/NAME/version_K`."""

import atexit
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from crossemo.errors import CrossEmoError
from crossemo.runs.checkpoint_files import CheckpointError, refuse_broken

logger = logging.getLogger(__name__)

LAST = Path("checkpoints", "last.ckpt")


def claim_version(folder: Path) -> int:
    """Make the next free `version_K` below a folder and return K.

    It is removed at the end if nothing was written there. Processes other than the
    first make nothing; the logs are the first one's.

    Raises:
        CrossEmoError: The folder can't be written to.
    """
    from lightning.fabric.utilities.rank_zero import rank_zero_only  # takes seconds

    version = max(_versions(folder), default=-1) + 1
    while getattr(rank_zero_only, "rank", 0) == 0:
        try:
            (folder / f"version_{version}").mkdir(parents=True)
            atexit.register(_remove_if_unused, folder / f"version_{version}")
            break
        except FileExistsError:
            version += 1
        except OSError as error:
            raise CrossEmoError(
                f"Can't write results below {folder}: {error.strerror}; "
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
        if not Path(name).exists():
            raise CrossEmoError(
                f"There is no checkpoint {name}: give the path of one, such as "
                f"{folder / 'version_0' / LAST}, or last."
            )
        refuse_broken(name)
        return name
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


def _versions(folder: Path) -> Iterator[int]:
    for path in folder.glob("version_*"):
        if path.name[8:].isdigit():
            yield int(path.name[8:])


def _remove_if_unused(folder: Path) -> None:
    """Remove the folder of a run that failed before it wrote more than a log's head."""
    with suppress(OSError):
        heads = list(folder.glob("events.out.tfevents.*"))
        if len(heads) == len(list(folder.iterdir())):
            for head in heads:
                head.unlink()
            folder.rmdir()
            folder.parent.rmdir()
