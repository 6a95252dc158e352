"""Cuts a run off."""

from typing import Any

from lightning import Callback, LightningModule, Trainer


class Cut(Callback):
    """Ends the process where a batch would begin.

    Args:
        epoch: The epoch of the run.
        batch: The batch of the epoch.
    """

    def __init__(self, epoch: int, batch: int = 0) -> None:
        self.place = epoch, batch

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if (trainer.current_epoch, batch_idx) == self.place:
            raise SystemExit(0)
