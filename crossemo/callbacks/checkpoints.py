"""The checkpoints of a run: the best of every stage, and the last to go on from."""

from collections.abc import Sequence
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException
from lightning.pytorch.utilities.types import STEP_OUTPUT

from crossemo.clock import StageClock


class StageCheckpoint(ModelCheckpoint):
    """Keeps the best weights of one stage by validation UA and sleeps in the others.

    Args:
        clock: Knows which stage is under way.
        stage: Name of the stage, which names the file too.
        roles: Roles of the data that the stage trains on; it is judged by theirs, or
            by the mean over all where there are several.

    Attributes:
        score: Name of the score that it is judged by.
    """

    def __init__(self, clock: StageClock, stage: str, roles: Sequence[str]) -> None:
        self.score = f"val/{roles[0] if len(roles) == 1 else 'mean'}/UA"
        super().__init__(
            monitor=self.score,
            mode="max",
            filename=stage,
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )
        self.stage = stage
        self._clock = clock

    @property
    def state_key(self) -> str:
        """Key of this callback's state in a checkpoint."""
        return f"StageCheckpoint/{self.stage}"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best so far, also where the run goes on in another folder."""
        super().load_state_dict(state_dict | {"dirpath": self.dirpath})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the weights if they are the stage's best."""
        if self._clock.name == self.stage:
            super().on_validation_end(trainer, pl_module)


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
        """Save if a step is complete and its epoch is not; return whether so."""
        if trainer.is_last_batch or not _has_stepped(trainer):
            return False
        self._saved = trainer.global_step
        self._save(trainer)
        return True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save after the epoch."""
        self._saved = trainer.global_step
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
        ):
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        path = self.format_checkpoint_name({})
        trainer.save_checkpoint(path, weights_only=False)  # all of the state
        self.best_model_path = path


def _has_stepped(trainer: Trainer) -> bool:
    """Return whether no gradients of earlier batches wait for the next step."""
    return not trainer.fit_loop.epoch_loop._should_accumulate()
