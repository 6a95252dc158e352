"""Cuts a run off."""

from lightning import Callback, LightningModule, Trainer


class Cut(Callback):
    """Ends the process where an epoch would begin.

    Args:
        epoch: The epoch.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        if trainer.current_epoch == self.epoch:
            raise SystemExit("cut off")
