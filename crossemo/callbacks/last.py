"""The checkpoints of a run: the best of every stage, and the last to go on from."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException
from lightning.pytorch.utilities.types import STEP_OUTPUT

from crossemo.files import write_text
from crossemo.stages.best import refuse_shared_file


class LastCheckpoint(ModelCheckpoint):
    """Keeps `last.ckpt`, to go on from: after every epoch and, if asked, every n steps.

    A process that is told to end (SIGTERM) writes it once more.

    Args:
        every_n_steps: Optimizer steps between two checkpoints within an epoch.
    """

    def __init__(self, every_n_steps: int | None = None) -> None:
        super().__init__(
            filename="last",
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self._every = every_n_steps
        self._saved = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the folder; have no other callback write to the same file."""
        super().setup(trainer, pl_module, stage)
        refuse_shared_file(self, trainer)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Save within an epoch; after its last batch the validation comes first."""
        step = trainer.global_step
        if self._every is not None and step - self._saved >= self._every:
            self.save_within_epoch(trainer)

    def save_within_epoch(self, trainer: Trainer) -> bool:
        """Save if a step is complete and its epoch is not; return whether so.

        Where a validation comes next, a run that went on would leave it out.
        """
        if trainer.is_last_batch or not _has_stepped(trainer) or _validates(trainer):
            return False
        self._save(trainer)
        return True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save after the epoch."""
        self._save(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Save what was reached when the process was told to end."""
        between = not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        if (
            isinstance(exception, SIGTERMException)
            and between
            and _has_stepped(trainer)
            and not (self.best_model_path and self._saved == trainer.global_step)
        ):
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        self._saved = trainer.global_step
        path = self.format_checkpoint_name({})
        trainer.save_checkpoint(path, weights_only=False)  # all of the state
        self.best_model_path = path


def _has_stepped(trainer: Trainer) -> bool:
    """Return whether no gradients of earlier batches wait for the next step."""
    return not trainer.fit_loop.epoch_loop._should_accumulate()


def _validates(trainer: Trainer) -> bool:
    """Return whether a validation follows this batch."""
    loop, fetcher = trainer.fit_loop.epoch_loop, trainer.fit_loop._data_fetcher
    return fetcher is not None and loop._should_check_val_fx(fetcher)


def job() -> str | None:
    """Return the number of the SLURM job that this process belongs to, if any."""
    if array := os.environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ.get("SLURM_JOB_ID")


def note_of(folder: Path, number: str) -> Path:
    """Return where a requeued job finds the path of the checkpoint to go on from."""
    return folder / f".requeued-{number}"


class Requeue(Callback):
    """Has SLURM queue the job again, saved, on SIGUSR1 and where it is preempted.

    Lightning's own way saves within the signal's handler, wherever training is, even
    between an optimizer's step and its count. Use with `sbatch --signal=SIGUSR1@120`.

    A job that is preempted with a grace time is told to end (SIGTERM) while it still
    counts as running. SLURM queues it again only if it has to be killed: one that ends
    by itself, as a fit does when it has saved, has failed in SLURM's eyes.

    Args:
        last: Writes the checkpoint.
        folder: Where the requeued job looks for the note.
    """

    def __init__(self, last: LastCheckpoint, folder: Path) -> None:
        self._last, self._folder = last, folder
        self._signalled = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen for the signal."""
        signal.signal(signal.SIGUSR1, self._hear)

    def on_train_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        """Queue the job again if signalled, as the epoch before is saved."""
        if self._heard(trainer) and self._last.best_model_path:
            self._leave(trainer)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Save, queue the job again and end, if signalled and if a step is complete."""
        if self._heard(trainer) and self._last.save_within_epoch(trainer):
            self._leave(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the tests to the requeued job, if signalled in the last steps."""
        if self._heard(trainer):
            self._leave(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Queue the job again as soon as it is signalled: a test saves nothing."""

        def leave(*_: object) -> None:
            if trainer.is_global_zero:
                self._queue()
            raise SystemExit(0)

        signal.signal(signal.SIGUSR1, leave)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Queue a job again that is told to end while SLURM has it run."""
        if not isinstance(exception, SIGTERMException):
            return
        self._last.on_exception(trainer, pl_module, exception)
        if trainer.is_global_zero:
            self._queue(only_if_it_runs=True)

    def _hear(self, *_: object) -> None:
        self._signalled = True

    def _heard(self, trainer: Trainer) -> bool:
        return trainer.strategy.reduce_boolean_decision(self._signalled, all=False)

    def _leave(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            self._queue()
        trainer.strategy.barrier("requeue")
        raise SystemExit(0)

    def _queue(self, only_if_it_runs: bool = False) -> None:
        number, path = job(), self._last.best_model_path
        assert number is not None
        if path:
            write_text(note_of(self._folder, number), path)
        if not only_if_it_runs or _runs(number):
            subprocess.run(["scontrol", "requeue", number], check=True)


def _runs(number: str) -> bool:
    """Return whether a job of SLURM is neither cancelled nor queued again by now."""
    command = ["squeue", "--noheader", "--format=%T", f"--jobs={number}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.split() == ["RUNNING"]
