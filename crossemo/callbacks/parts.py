"""The parts of a run, by the types that crossemo gives them."""

from typing import cast

from lightning import LightningModule, Trainer

from crossemo.data.datamodules import EmotionDataModule
from crossemo.errors import CrossEmoError
from crossemo.recognizer import EmotionRecognizer


def data_of(trainer: Trainer) -> EmotionDataModule:
    """Return the datamodule of a run.

    Raises:
        CrossEmoError: The run has none, or one that knows no roles.
    """
    data = getattr(trainer, "datamodule", None)
    if not hasattr(data, "roles"):
        raise CrossEmoError(
            "crossemo's callbacks need one of its datamodules: pass it to the trainer "
            "as datamodule."
        )
    return cast(EmotionDataModule, data)


def recogniser(module: LightningModule) -> EmotionRecognizer:
    """Return the module of a run as a recogniser."""
    return cast(EmotionRecognizer, module)
