"""The folders of runs: `logs/NAME/version_K`."""

import atexit
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from zipfile import is_zipfile

from crossemo.errors import CrossEmoError

LAST = Path("checkpoints", "last.ckpt")


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
                f"Can't write results below {folder}: {error.strerror}; "
                "choose another folder with --logs."
            ) from error
    return version


def find_checkpoint(name: str, folder: Path) -> str:
    """Return the path of a checkpoint that a user asks for.

    Args:
        name: A path, or `last` for the newest run's that can go on.
        folder: Where the runs of that name lie.

    Raises:
        CrossEmoError: There is no such checkpoint.
    """
    if name != "last":
        if not Path(name).is_file():
            raise CrossEmoError(
                f"There is no checkpoint {name}: give the path of one, such as "
                f"{folder / 'version_0' / LAST}, or last."
            )
        if not is_zipfile(name):
            raise CrossEmoError(f"{name} is no checkpoint.")
        return name
    for version in sorted(_versions(folder), reverse=True):
        path = folder / f"version_{version}" / LAST
        if path.is_file():
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
    """Remove the folder of a run that failed before it wrote more than a log's head."""
    with suppress(OSError):
        heads = list(folder.glob("events.out.tfevents.*"))
        if len(heads) == len(list(folder.iterdir())):
            for head in heads:
                head.unlink()
            folder.rmdir()
            folder.parent.rmdir()
