"""Keeps a checkpoint of every epoch in the working folder."""

from pathlib import Path

from lightning import Callback, LightningModule, Trainer


class KeepAll(Callback):
    """Leaves `epoch=N.ckpt` in a folder.

    Args:
        folder: The folder; the working folder if left out.
    """

    def __init__(self, folder: Path = Path()) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.save_checkpoint(self.folder / f"epoch={trainer.current_epoch}.ckpt")
