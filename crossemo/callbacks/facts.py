"""What every run leaves, whatever it does: its facts and its split."""

from typing import Any

from lightning import Callback, LightningModule, Trainer

from crossemo.data.clip_tables import SPLIT, split_rows
from crossemo.data.trainer import datamodule_of
from crossemo.encoders.user_code import UserCode
from crossemo.files import write_csv
from crossemo.metrics.names import LEVEL
from crossemo.runs.board import Metrics, folder_of
from crossemo.runs.code_record import code_facts, code_of, write_code
from crossemo.runs.effort import Effort


class Facts(Callback):
    """Knows the facts of a run and writes `split.csv`.

    Args:
        command: The command, such as `fit`.
        effort: Counts time and memory; from now on if None.
    """

    def __init__(self, command: str = "fit", effort: Effort | None = None) -> None:
        self.command = command
        self.effort = effort or Effort()
        self._code: UserCode | None = None

    def describe(self, trainer: Trainer, module: LightningModule) -> dict[str, Any]:
        """Return the facts, ready for JSON."""
        facts = self.effort.describe(self.command, trainer.strategy.root_device)
        facts["device"]["processes"] = trainer.world_size
        facts |= code_facts(self._code)
        return {**facts, "seed": getattr(module, "seed", None), "interval_level": LEVEL}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Have the metrics marked where clips leak; read an encoder's own code."""
        self._code = code_of(pl_module.hparams.get("encoder"))
        for logger in trainer.loggers:
            if isinstance(logger, Metrics):
                logger.module = pl_module

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the split, and a copy of an encoder's own code."""
        self._write(trainer)
        folder = folder_of(trainer) if trainer.is_global_zero else None
        if folder is not None:
            write_code(self._code, folder)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the split, unless this is a validation of a fit."""
        if trainer.state.fn == "validate":
            self._write(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the split."""
        self._write(trainer)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the split."""
        self._write(trainer)

    def state_dict(self) -> dict[str, Any]:
        """Return the time and the memory so far."""
        return self.effort.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Add the time of the run that goes on."""
        self.effort.load_state_dict(state_dict)

    def _write(self, trainer: Trainer) -> None:
        data = datamodule_of(trainer)
        folder = folder_of(trainer) if trainer.is_global_zero else None
        if folder is not None and data is not None:
            write_csv(folder / SPLIT, split_rows(data))
