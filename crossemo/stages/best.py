"""The best weights of every stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from crossemo.stages.clock import StageClock
from crossemo.stages.stage import StageError


class StageCheckpoint(ModelCheckpoint):
    """Saves the best weights of one stage, by the validation score.

    Args:
        clock: Knows which stage is under way.
        stage: Name of the stage, which names the file too.
        roles: Roles of the data that the stage trains on; it is judged by theirs, or
            by the mean over all where there are several.

    Attributes:
        score: Name of the score that it is judged by.
    """

    def __init__(self, clock: StageClock, stage: str, roles: Sequence[str]) -> None:
        self.score = f"val/{roles[0] if len(roles) == 1 else 'mean'}/score"
        super().__init__(
            monitor=self.score,
            mode="max",
            filename=stage,
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )
        self.stage = stage
        self._clock = clock

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the folder; have no other callback write to the same file."""
        super().setup(trainer, pl_module, stage)
        refuse_shared_file(self, trainer)

    @property
    def state_key(self) -> str:
        """Key of this callback's state in a checkpoint."""
        return f"StageCheckpoint/{self.stage}"

    def locate(self, checkpoint: Mapping[str, Any], folder: Path) -> str:
        """Return the best weights that a checkpoint names, wherever they lie now.

        Runs that were moved lie to each other as they did, and what lies where they
        were is another's by now.

        Args:
            checkpoint: The checkpoint, which names their place from then on.
            folder: Where it was read.

        Returns:
            Their path; empty if the stage has none yet.

        Raises:
            StageError: They are gone.
        """
        state = checkpoint["callbacks"].get(self.state_key, {})
        path = state.get("best_model_path", "")
        if not path:
            return ""
        run = Path(*Path(path).parts[-3:])  # such as version_0/checkpoints/source.ckpt
        above = folder.absolute().parents[1:2]
        places = [*(parent / run for parent in above), Path(path)]
        for place in (*places, folder / run.name):
            if place.is_file():
                state["best_model_path"] = str(place)
                return str(place)
        raise StageError(f"The best weights of stage {self.stage!r} are gone: {path}.")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best so far, also where the run goes on in another folder."""
        super().load_state_dict(state_dict | {"dirpath": self.dirpath})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the weights if they are the stage's best."""
        if self._clock.name == self.stage:
            super().on_validation_end(trainer, pl_module)


def refuse_shared_file(ours: ModelCheckpoint, trainer: Trainer) -> None:
    """Refuse another callback that writes its checkpoints to the file of ours.

    Raises:
        StageError: There is one.
    """
    for other in trainer.checkpoint_callbacks:
        names = {getattr(other, "filename", None)}
        if getattr(other, "save_last", None):
            names.add("last")
        there = getattr(other, "dirpath", None)
        if other is not ours and ours.filename in names and there == ours.dirpath:
            raise StageError(
                f"{type(other).__name__} would write over {ours.filename}.ckpt, which "
                "the run itself keeps: give it another filename, without save_last."
            )
