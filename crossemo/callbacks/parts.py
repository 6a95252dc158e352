"""The parts of a run, by the types that crossemo gives them."""

from typing import cast

from lightning import LightningModule, Trainer

from crossemo.data.marks import Mark
from crossemo.data.trainer import datamodule_of
from crossemo.recognizer import EmotionRecognizer
from crossemo.report.study import Study


def recogniser(module: LightningModule) -> EmotionRecognizer:
    """Return the module of a run as a recogniser."""
    return cast(EmotionRecognizer, module)


def study_of(
    trainer: Trainer, module: EmotionRecognizer, mark: Mark | None = None
) -> Study:
    """Return what the figures of a run are of.

    Args:
        trainer: Its trainer.
        module: Its module.
        mark: What the weights know of the clips; of the last test's if None.
    """
    data = datamodule_of(trainer)
    roles = {} if data is None else data.roles
    return Study.of(
        module.hparams["encoder"], roles, module.mark if mark is None else mark
    )
