"""The learning rates over training."""

from typing import Any

from lightning import Callback, LightningModule, Trainer


class LearningRates(Callback):
    """Logs the rate of every part of the model, once: its vectors share it."""

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Log the rates that this step is taken with."""
        for group in trainer.optimizers[0].param_groups:
            if not group["name"].endswith("-vectors"):
                pl_module.log(f"lr/{group['name']}", group["lr"], rank_zero_only=True)
