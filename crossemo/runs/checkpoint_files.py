"""Checkpoint files: written whole, and read without running what is in them."""

import logging
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any
from zipfile import ZIP_STORED, ZipFile

import torch
from lightning import Trainer
from lightning.pytorch.plugins.io import TorchCheckpointIO

from crossemo.errors import CrossEmoError, reason_of
from crossemo.files import replacing
from crossemo.runs.checkpoint_shape import WEIGHTS, refuse_misshapen

logger = logging.getLogger(__name__)

ORIGIN = "read_from"  # where a checkpoint that was read says what file it was
_SEAL = b"crossemo "


class CheckpointError(CrossEmoError):
    """A file that is no whole checkpoint, or not what crossemo wrote."""


class CheckpointFiles(TorchCheckpointIO):
    """Lightning's checkpoints, written beside their place and read without code.

    Lightning's own way through `$TMPDIR` copies where that is another file system, and
    leaves half a file under the final name when the process is killed meanwhile.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: Any,  # noqa: ANN401  # Lightning's type is private
        storage_options: Any | None = None,  # noqa: ANN401
    ) -> None:
        """Write a checkpoint whole or not at all, and seal it.

        Raises:
            OSError: The folder can't be written or the disk is full.
        """
        if storage_options is not None or _is_url(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        with replacing(Path(path)) as temporary:
            _save(checkpoint, temporary)
            with ZipFile(temporary, "a") as archive:
                archive.comment = _SEAL + _digest(archive)

    def load_checkpoint(
        self,
        path: Any,  # noqa: ANN401
        map_location: Callable[..., Any] | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Read a checkpoint as `read_checkpoint` does, whatever is asked for.

        Of one that was altered, nothing but what belongs to its weights.
        """
        stored = read_checkpoint(path)
        if stored[ORIGIN]["sealed"]:
            return stored
        weights = {name: stored[name] for name in WEIGHTS if name in stored}
        return weights | {ORIGIN: stored[ORIGIN], "callbacks": {}}


def write_whole(trainer: Trainer) -> None:
    """Have a trainer write and read its checkpoints by `CheckpointFiles`.

    A way of its own that it was given stays.
    """
    strategy = trainer.strategy
    if type(getattr(strategy, "checkpoint_io", None)) is TorchCheckpointIO:
        strategy.checkpoint_io = CheckpointFiles()


def read_checkpoint(
    path: str | Path,
    map_location: Any = "cpu",  # noqa: ANN401
) -> dict[str, Any]:
    """Read a checkpoint's tensors and plain values; no code in it is run.

    Args:
        path: The file. A URL is refused, as what it gives can change.
        map_location: Where tensors go, as in `torch.load`.

    Returns:
        The checkpoint, of the shape that `checkpoint_shape` describes. Under `ORIGIN`
        it has the `path` and whether it is `sealed`, just as crossemo wrote it.

    Raises:
        CrossEmoError: There is no such file, or it is no checkpoint, or only a part of
            one.
    """
    with _opened(path) as file:
        sealed = _refuse_broken(file, path)
        file.seek(0)
        try:
            stored: dict[str, Any] = torch.load(
                file, map_location=map_location, weights_only=True
            )
        except UnpicklingError as error:
            raise CheckpointError(
                f"{path} is no checkpoint of crossemo's: it holds more than numbers "
                "and plain values, and code in a file is never run."
            ) from error
        except Exception as error:  # whatever its unpickler meets
            raise CheckpointError(f"{path} can't be read as a checkpoint.") from error
    refuse_misshapen(stored, path)
    stored[ORIGIN] = {"path": str(path), "sealed": sealed}
    return stored


def refuse_broken(path: str | Path) -> None:
    """Refuse a file that is no checkpoint or only a part of one.

    Raises:
        CheckpointError: It is such, or can't be read.
    """
    with _opened(path) as file:
        _refuse_broken(file, path)


def digest_of(path: str | Path) -> str:
    """Return twelve digits of a digest of what a checkpoint holds.

    It is one of the checksums that the file has, so that little of it is read.

    Raises:
        CheckpointError: It is no checkpoint.
    """
    with _opened(path) as file:
        try:
            with ZipFile(file) as archive:
                return _digest(archive).decode()[:12]
        except Exception as error:  # zipfile raises what it likes of damaged files
            raise CheckpointError(f"{path} is no checkpoint.") from error


def refuse_to_go_on(checkpoint: Mapping[str, Any]) -> None:
    """Refuse to go on from weights alone, or what is not just as crossemo wrote it.

    What a training goes on with (its optimizer, its loops, its callbacks) is too much
    to be checked piece by piece. One that was read in another way says nothing of it.

    Raises:
        CheckpointError: It was altered, or holds weights alone.
    """
    if not is_sealed(checkpoint):
        raise CheckpointError(
            f"The {name_of(checkpoint)} was altered since crossemo wrote it, so no run "
            "can go on from it: take it as it was, or begin a stage with its weights "
            "by stages.NAME.start_from."
        )
    if "optimizer_states" not in checkpoint:
        raise CheckpointError(
            f"The {name_of(checkpoint)} holds weights alone, so no run can go on from "
            "it: take one that was saved with save_weights_only=False."
        )


def is_sealed(checkpoint: Mapping[str, Any]) -> bool:
    """Return whether a checkpoint is just as crossemo wrote it, so far as is known."""
    return bool(checkpoint.get(ORIGIN, {}).get("sealed", True))


def name_of(checkpoint: Mapping[str, Any]) -> str:
    """Return what a sentence calls a checkpoint, with its path where that is known."""
    return f"checkpoint {checkpoint.get(ORIGIN, {}).get('path', '')}".rstrip()


def refuse_url(path: str | Path) -> None:
    """Refuse a checkpoint that is elsewhere.

    Raises:
        CheckpointError: It is.
    """
    if _is_url(path):
        raise CheckpointError(
            f"{path} is not on this machine: download it, and give the file's path."
        )


def _opened(path: str | Path) -> IO[bytes]:
    refuse_url(path)
    try:
        if not Path(path).exists():
            raise CheckpointError(f"There is no checkpoint {path}.")
        if not Path(path).is_file():  # a pipe would be waited for
            raise CheckpointError(f"{path} is no file, so it is no checkpoint.")
        return open(path, "rb")
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {reason_of(error)}.") from error


def _refuse_broken(file: IO[bytes], path: str | Path) -> bool:
    """Refuse what is not whole; return whether it is as crossemo wrote it."""
    try:
        with ZipFile(file) as archive:
            packed = any(one.compress_type != ZIP_STORED for one in archive.infolist())
            # torch itself compares no sums.
            broken = packed or archive.testzip() is not None
            sealed = archive.comment == _SEAL + _digest(archive)
    except Exception as error:  # zipfile raises what it likes of damaged files
        size = file.seek(0, 2)
        kind = "it is empty" if not size else "or only a part of one"
        raise CheckpointError(f"{path} is no checkpoint, {kind}.") from error
    if broken:
        raise CheckpointError(f"{path} is damaged: its content belies its checksums.")
    return sealed


def _digest(archive: ZipFile) -> bytes:
    """Return a digest of the names and checksums of all that a file holds."""
    rows = [f"{one.filename} {one.CRC} {one.file_size}" for one in archive.infolist()]
    return sha256("\n".join(rows).encode("utf-8", "replace")).hexdigest().encode()


def _save(checkpoint: dict[str, Any], path: Path) -> None:
    try:
        with open(path, "wb") as file:
            torch.save(checkpoint, file)
    except RuntimeError as error:
        # That the file has no end hides what the system said of writing it.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def _is_url(path: object) -> bool:
    return re.match(r"\w[\w+.-]*://", str(path)) is not None
