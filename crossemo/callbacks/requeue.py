"""Going on in a new SLURM job before the time of this one is over."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT

from crossemo.callbacks.checkpoints import LastCheckpoint
from crossemo.files import write_text


def job() -> str | None:
    """Return the number of the SLURM job that this process belongs to, if any."""
    if array := os.environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ.get("SLURM_JOB_ID")


def note_of(folder: Path, number: str) -> Path:
    """Return where a requeued job finds the path of the checkpoint to go on from."""
    return folder / f".requeued-{number}"


class Requeue(Callback):
    """On SIGUSR1, saves between two steps and has SLURM queue the job again.

    Lightning's own way saves within the signal's handler, wherever training is, even
    between an optimizer's step and its count. Use with `sbatch --signal=SIGUSR1@120`.

    Args:
        last: Writes the checkpoint.
        folder: Where the requeued job looks for the note.
    """

    def __init__(self, last: LastCheckpoint, folder: Path) -> None:
        self._last, self._folder = last, folder
        self._asked = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen for the signal."""
        signal.signal(signal.SIGUSR1, self._hear)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Save, queue the job again and end, if asked and if a step is complete."""
        asked = trainer.strategy.reduce_boolean_decision(self._asked, all=False)
        number = job()
        if not asked or number is None or not self._last.save_within_epoch(trainer):
            return
        if trainer.is_global_zero:
            write_text(note_of(self._folder, number), self._last.best_model_path)
            subprocess.run(["scontrol", "requeue", number], check=True)
        trainer.strategy.barrier("requeue")
        raise SystemExit(0)

    def _hear(self, *_: object) -> None:
        self._asked = True
