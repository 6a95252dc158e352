"""How far training is, a line a minute, where no terminal shows a bar."""

from collections.abc import Sequence
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.utilities.types import STEP_OUTPUT

from crossemo.probes import LayerwiseProbes
from crossemo.progress import Lines
from crossemo.stages.switch import StageSwitch


class MinuteLines(ProgressBar):
    """Says which stage and epoch is under way, its share and the latest scores."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: Lines | None = None

    def disable(self) -> None:
        """Say nothing, as processes other than the first do."""
        self._lines = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count the minutes."""
        self._begin(trainer, "Training")

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Say how far the run is."""
        if self._lines is None or not self._lines.due:
            return
        if isinstance(pl_module, LayerwiseProbes):
            self._lines.note(1 - pl_module.unfinished())
            return
        batches = self.total_train_batches or 1
        epochs = trainer.max_epochs or 1
        reached = trainer.current_epoch + (batch_idx + 1) / batches
        self._lines.note(reached / epochs, _where(trainer, epochs))

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count the minutes."""
        self._begin(trainer, "Testing")

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Say how far the tests of all roles are."""
        self._note(trainer.num_test_batches, dataloader_idx, batch_idx)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count the minutes."""
        self._begin(trainer, "Predicting")

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401
        batch: Any,  # noqa: ANN401
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Say how far the predictions of all roles are."""
        self._note(trainer.num_predict_batches, dataloader_idx, batch_idx)

    def _begin(self, trainer: Trainer, work: str) -> None:
        self._lines = Lines(work, 1) if trainer.is_global_zero else None

    def _note(self, batches: Sequence[float], loader: int, batch: int) -> None:
        if self._lines is not None:
            share = (batch + 1) / batches[loader]
            self._lines.note((loader + share) / len(batches))


def _where(trainer: Trainer, epochs: int) -> str:
    """Return the stage, the epoch and the scores of the latest validation."""
    callbacks = getattr(trainer, "callbacks", [])
    stages = [one for one in callbacks if isinstance(one, StageSwitch)]
    names = [f"stage {one.clock.name}" for one in stages]
    scores = [
        f"{key.removeprefix('val/').removesuffix('/score')} {float(value):.3f}"
        for key, value in trainer.callback_metrics.items()
        if key.startswith("val/") and key.endswith("/score")
    ]
    epoch = f"epoch {trainer.current_epoch + 1} of {epochs}"
    validated = f"; validation: {', '.join(scores)}" if scores else ""
    return ", ".join(["", *names, epoch]) + validated
