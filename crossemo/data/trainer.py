"""The datamodule of a trainer, for modules and callbacks."""

from typing import cast

from lightning import Trainer

from crossemo.data.datamodule import EmotionDataModule
from crossemo.errors import CrossEmoError


def datamodule_of(trainer: Trainer) -> EmotionDataModule | None:
    """Return the datamodule of a run; None where it has none that knows roles."""
    data = getattr(trainer, "datamodule", None)
    return cast(EmotionDataModule, data) if hasattr(data, "roles") else None


def data_of(trainer: Trainer) -> EmotionDataModule:
    """Return the datamodule of a run.

    Raises:
        CrossEmoError: The run has none, or one that knows no roles.
    """
    data = datamodule_of(trainer)
    if data is None:
        raise CrossEmoError(
            "crossemo's callbacks need one of its datamodules: pass it to the trainer "
            "as datamodule."
        )
    return data
