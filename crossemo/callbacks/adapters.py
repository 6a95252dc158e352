"""Adapters as plain peft reads them, beside the checkpoints."""

from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from crossemo.callbacks.parts import recogniser


class AdapterWriter(Callback):
    """Writes the adapters of what is tested to `adapters/STAGE` in the run's folder."""

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write them, on the first process only."""
        module, folder = recogniser(pl_module), trainer.log_dir
        adapters = module.encoder.adaptation.adapters
        if adapters and trainer.is_global_zero and folder is not None:
            adapters.save(Path(folder) / "adapters" / module.test_name)
