"""How far a run is, in a file that another process reads."""

import json
import math
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT

from crossemo.files import write_text
from crossemo.probes import LayerwiseProbes
from crossemo.stages.best import StageCheckpoint
from crossemo.stages.clock import StageClock
from crossemo.stages.switch import StageSwitch

EVERY = 1.0  # seconds between two looks


class ProgressFile(Callback):
    """Writes how far a run is, at most once a second.

    Args:
        path: The file.
        about: What else it holds.

    Attributes:
        begun: Whether the run is past all that is refused beforehand.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.begun = False
        self._path, self._about = path, about
        self._latest = -math.inf

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that training begins."""
        self.begun = True

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Write the stage, epoch and step of the training."""
        if self._due(trainer):
            self._write(reached(trainer, pl_module, batch_idx + 1))

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that tests begin, as of a run that is trained already."""
        self.begun = True

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write that nothing but tests are left."""
        if self._due(trainer):
            self._write({"stage": "test", "share": 1.0})

    def _due(self, trainer: Trainer) -> bool:
        return trainer.is_global_zero and monotonic() - self._latest >= EVERY

    def _write(self, state: dict[str, Any]) -> None:
        self._latest = monotonic()
        with suppress(OSError):  # what looks on must stop nothing
            write_text(self._path, json.dumps(self._about | state))


def reached(trainer: Trainer, module: LightningModule, batches: int) -> dict[str, Any]:
    """Return how far a training is.

    Args:
        trainer: Its trainer.
        module: What it trains.
        batches: Batches of this epoch so far.

    Returns:
        `share` of the training, from 0 to 1; of stages also `stage`, `epoch` of
        `epochs` of the stage, `step` of the planned `steps` of the run, and the `best`
        score of the stage's validations so far, or None.
    """
    if isinstance(module, LayerwiseProbes):
        return {"stage": "layers", "share": round(1 - module.unfinished(), 4)}
    callbacks = getattr(trainer, "callbacks", [])
    clock = next(one.clock for one in callbacks if isinstance(one, StageSwitch))
    steps = trainer.global_step + _steps_left(trainer, clock, batches)
    best = [
        float(one.best_model_score)
        for one in callbacks
        if isinstance(one, StageCheckpoint) and one.stage == clock.name
        if one.best_model_score is not None
    ]
    return {
        "stage": clock.name,
        "epoch": trainer.current_epoch - clock.first + 1,
        "epochs": clock.epochs(clock.index),
        "step": trainer.global_step,
        "steps": steps,
        "share": round(trainer.global_step / max(steps, 1), 4),
        "best": best[0] if best else None,
    }


def _steps_left(trainer: Trainer, clock: StageClock, batches: int) -> int:
    """Return the optimizer steps that the plan has left."""
    epochs = trainer.current_epoch - clock.first
    later = range(clock.index + 1, len(clock.stages))
    here = clock.steps_left(clock.index, epochs)
    here -= math.ceil(batches / trainer.accumulate_grad_batches)
    return max(here, 0) + sum(clock.steps_left(index, 0) for index in later)
