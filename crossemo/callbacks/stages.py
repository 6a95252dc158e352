"""Several stages in one fit: which clips train, at which rates, from which weights.

Lightning wraps the model for DDP once and builds the optimizer once. A new stage needs
both anew, or parameters that it unfreezes are never synchronised. The switch therefore
has the strategy set itself up again (`Strategy.connect`, `Strategy.setup`) and has the
fit loop forget its loader. Neither is documented as public: both are used in this file
alone, and the range of Lightning is bounded in pyproject.toml.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_info

from crossemo.callbacks.parts import data_of, recogniser
from crossemo.data.datamodules import EmotionDataModule
from crossemo.errors import CrossEmoError
from crossemo.optimization import StagePlan
from crossemo.recognizer import EmotionRecognizer


class StageError(CrossEmoError):
    """Stages that don't fit the data or the trainer."""


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Args:
        max_epochs: Epochs of the stage.
        lr: Learning rate of the head and the layer weights; None for the model's own.
        encoder_lr: Learning rate of the encoder; None for the model's own.
        data: Role of the data whose training part is used, such as `source`; None for
            the role of the stage's own name.
        start_from: Whether the stage goes on from the `best` weights of the stage
            before it, judged by validation UA, or from its `last`.
        reset_head: Whether the stage begins with a new head.
    """

    max_epochs: int = 10
    lr: float | None = None
    encoder_lr: float | None = None
    data: str | None = None
    start_from: Literal["best", "last"] = "best"
    reset_head: bool = False

    def __post_init__(self) -> None:
        if self.max_epochs < 1:
            raise StageError(f"A stage needs an epoch or more, not {self.max_epochs}.")


def stage_at(epoch: int, lengths: list[int]) -> int:
    """Return the number of the stage that an epoch belongs to.

    Args:
        epoch: Epoch of the whole run, from 0; those past the end count as the last
            stage's.
        lengths: Epochs of every stage.

    >>> [stage_at(epoch, [2, 1]) for epoch in range(4)]
    [0, 0, 1, 1]
    """
    ends = accumulate(lengths)
    passed = sum(epoch >= end for end in ends)
    return min(passed, len(lengths) - 1)


class StageSwitch(Callback):
    """Switches data, rates and weights between the stages of one fit.

    Args:
        stages: The stages by name, in order.
        seed: Seed of the new heads that stages ask for.

    Attributes:
        checkpoints: A `StageCheckpoint` for every stage. They are callbacks of their
            own: give the trainer `switch.callbacks()`.

    Raises:
        StageError: A stage names data that there is not, or the trainer was given
            another number of epochs than the stages have.
    """

    def __init__(self, stages: Mapping[str, Stage], seed: int = 0) -> None:
        if not stages:
            raise StageError("There must be a stage or more.")
        self.stages = dict(stages)
        self.seed = seed
        self.index = 0
        self.checkpoints = [
            StageCheckpoint(self, name, stage.data or name)
            for name, stage in self.stages.items()
        ]

    def callbacks(self) -> list[Callback]:
        """Return the switch and its checkpoints, for `Trainer(callbacks=...)`."""
        return [self, *self.checkpoints]

    @property
    def names(self) -> list[str]:
        """Names of the stages in order."""
        return list(self.stages)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Apply the first stage before Lightning wraps the model."""
        if stage != "fit":
            return
        self._check_data(data_of(trainer))
        self._take_epochs(trainer)
        self._apply(0, trainer, recogniser(pl_module))

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Resume in the stage of the next epoch, before Lightning wraps the model."""
        if trainer.state.fn != "fit":
            return
        stored = checkpoint["callbacks"].get(self.state_key, {}).get("index", 0)
        index = stage_at(_next_epoch(checkpoint), self._lengths)
        if index != stored:
            # Saved at a boundary: the next stage needs an optimizer of its own.
            checkpoint["optimizer_states"], checkpoint["lr_schedulers"] = [], []
            best = checkpoint["callbacks"][self.checkpoints[stored].state_key]
            self._start(index, best["best_model_path"], trainer, recogniser(pl_module))
        else:
            self._apply(index, trainer, recogniser(pl_module))

    def on_train_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        """Begin the stage of this epoch where it is not the one before's."""
        index = stage_at(trainer.current_epoch, self._lengths)
        if index != self.index:
            best = self.checkpoints[self.index].best_model_path
            self._start(index, best, trainer, recogniser(pl_module))
            trainer.strategy.connect(pl_module)
            trainer.strategy.setup(trainer)
            pl_module.zero_grad()

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Log the stage at every step, so that the switch is a sharp edge."""
        # Smoothed as TensorBoard does, one value an epoch would be a slow slope.
        pl_module.log("stage", float(self.index), on_step=True, rank_zero_only=True)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have the loader of the next stage built before its first epoch begins."""
        following = stage_at(trainer.current_epoch + 1, self._lengths)
        if following != self.index:
            data_of(trainer).active = self._data_of(following)
            trainer.fit_loop._combined_loader = None

    def state_dict(self) -> dict[str, Any]:
        """Return the number of the stage under way."""
        return {"index": self.index}

    def best_checkpoints(self) -> dict[str, str]:
        """Return the best checkpoint of every stage that has one, by stage."""
        found = {one.stage: one.best_model_path for one in self.checkpoints}
        return {stage: path for stage, path in found.items() if path}

    @property
    def _lengths(self) -> list[int]:
        return [stage.max_epochs for stage in self.stages.values()]

    def _data_of(self, index: int) -> str:
        name = self.names[index]
        return self.stages[name].data or name

    def _check_data(self, data: EmotionDataModule) -> None:
        for index, name in enumerate(self.names):
            if self._data_of(index) not in data.roles:
                raise StageError(
                    f"Stage {name!r} wants data {self._data_of(index)!r}, but there is "
                    f"{', '.join(data.roles)}: rename the stage or set its `data`."
                )

    def _take_epochs(self, trainer: Trainer) -> None:
        total, asked = sum(self._lengths), trainer.fit_loop.max_epochs
        tried_out = getattr(trainer, "fast_dev_run", False)  # a property in disguise
        if not tried_out and asked not in (-1, total):
            raise StageError(
                f"The stages have {total} epochs in all and trainer.max_epochs says "
                f"{asked}: leave it out and set stages.NAME.max_epochs."
            )
        if not tried_out:
            trainer.fit_loop.max_epochs = total

    def _start(
        self, index: int, best: str, trainer: Trainer, module: EmotionRecognizer
    ) -> None:
        """Take over the weights of the stage before and apply the next one."""
        stage = self.stages[self.names[index]]
        if stage.start_from == "best" and best:
            _load_weights(best, module)
        if stage.reset_head:
            module.reset_head(hash_seed(self.seed, index))
        self._apply(index, trainer, module)
        rank_zero_info(f"Stage {self.names[index]!r} begins.")

    def _apply(self, index: int, trainer: Trainer, module: EmotionRecognizer) -> None:
        self.index = index
        stage = self.stages[self.names[index]]
        data = data_of(trainer)
        data.active = self._data_of(index)
        steps = _steps_per_epoch(trainer, data) * stage.max_epochs
        module.plan_stage(StagePlan(steps, stage.lr, stage.encoder_lr))


class StageCheckpoint(ModelCheckpoint):
    """Keeps the best weights of one stage by validation UA and sleeps in the others.

    Args:
        switch: Knows which stage is under way.
        stage: Name of the stage, which names the file too.
        role: Role of the data that the stage trains on and is judged by.
    """

    def __init__(self, switch: StageSwitch, stage: str, role: str) -> None:
        super().__init__(
            monitor=f"val/{role}/UA",
            mode="max",
            filename=stage,
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )
        self.stage = stage
        self._switch = switch

    @property
    def state_key(self) -> str:
        """Key of this callback's state in a checkpoint."""
        return f"StageCheckpoint/{self.stage}"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best so far, also where the run goes on in another folder."""
        super().load_state_dict(state_dict | {"dirpath": self.dirpath})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the weights if they are the stage's best."""
        if self._switch.names[self._switch.index] == self.stage:
            super().on_validation_end(trainer, pl_module)


def hash_seed(seed: int, stage: int) -> int:
    """Return a seed of its own for every stage of a run."""
    return seed * 1009 + stage


def _steps_per_epoch(trainer: Trainer, data: EmotionDataModule) -> int:
    batches = len(data.train_dataloader())
    limit = trainer.limit_train_batches
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    return math.ceil(batches / trainer.accumulate_grad_batches)


def _next_epoch(checkpoint: Mapping[str, Any]) -> int:
    """Return the epoch that a run resumed from a checkpoint goes on with."""
    loop = checkpoint["loops"]["fit_loop"]
    epochs = loop["epoch_progress"]["current"]
    batches = loop["epoch_loop.batch_progress"]
    finished = batches["is_last_batch"] and epochs["processed"] < epochs["started"]
    return int(epochs["processed"]) + bool(finished)


def _load_weights(path: str, module: LightningModule) -> None:
    if not Path(path).is_file():
        raise StageError(f"The best weights of the stage before are gone: {path}.")
    stored = torch.load(path, map_location="cpu", weights_only=True)
    module.on_load_checkpoint(stored)
    module.load_state_dict(stored["state_dict"])
