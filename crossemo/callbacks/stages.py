"""Several stages in one fit: what trains, on which clips, from which weights.

Lightning wraps the model for DDP once and builds the optimizer once. A new stage needs
both anew, or parameters that it unfreezes are never synchronised. The switch therefore
has the strategy set itself up again (`Strategy.connect`, `Strategy.setup`) and has the
fit loop forget its loader. Neither is documented as public: both are used in this file
alone, and the range of Lightning is bounded in pyproject.toml.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, StochasticWeightAveraging
from lightning.pytorch.utilities import rank_zero_info

from crossemo.callbacks.checkpoints import StageCheckpoint
from crossemo.callbacks.parts import data_of, recogniser
from crossemo.callbacks.tensorboard import add_text
from crossemo.stages import Stage, StageError

# They shard or average parameters that a switch of stages replaces.
_REFUSED = ("FSDPStrategy", "ModelParallelStrategy", "DeepSpeedStrategy")
_RESERVED = ("last", "test")  # names of a checkpoint and of a test without stages


class StageSwitch(Callback):
    """Switches data, rates and weights between the stages of one fit.

    It also seeds every batch by its place in the run, so that dropout is the same
    whether or not the run was cut off before.

    Args:
        stages: The stages by name, in order.
        seed: Seed of every batch and of what stages begin anew.

    Attributes:
        checkpoints: A `StageCheckpoint` for every stage. They are callbacks of their
            own: give the trainer `switch.callbacks()`.
        index: Number of the stage under way.

    Raises:
        StageError: The stages fit neither the data nor the trainer.
    """

    def __init__(self, stages: Mapping[str, Stage], seed: int = 0) -> None:
        _check_names(stages)
        self.stages = dict(stages)
        self.seed = seed
        self.index = 0
        self._first = 0  # epoch of the run that the stage began with
        self._waited, self._best = 0, -math.inf
        self.checkpoints = [
            StageCheckpoint(self, name, stage.roles(name))
            for name, stage in self.stages.items()
        ]

    def callbacks(self) -> list[Callback]:
        """Return the switch and its checkpoints, for `Trainer(callbacks=...)`."""
        return [self, *self.checkpoints]

    @property
    def names(self) -> list[str]:
        """Names of the stages in order."""
        return list(self.stages)

    @property
    def name(self) -> str:
        """Name of the stage under way."""
        return self.names[self.index]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Apply the first stage before Lightning wraps the model."""
        if stage != "fit":
            return
        self.index, self._first, self._waited, self._best = 0, 0, 0, -math.inf
        _refuse_unfit(trainer)
        self._check_roles(trainer)
        recogniser(pl_module).plan_run(list(self.stages.values()))
        self._take_epochs(trainer)
        self._start(trainer, pl_module, "")

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Resume in the stage of the next epoch, before Lightning wraps the model."""
        if trainer.state.fn != "fit":
            return
        state = checkpoint["callbacks"].get(self.state_key, {})
        if state.get("names") != self.names:
            raise StageError(
                f"This run's stages are {', '.join(self.names)}, and the checkpoint's "
                f"{', '.join(state.get('names', [])) or 'none'}: go on with the stages "
                "that it was begun with."
            )
        _refuse_other_split(trainer, checkpoint)
        self.load_state_dict(state)
        best = self._find_best(checkpoint, Path(str(trainer.ckpt_path)).parent)
        epoch = _next_epoch(checkpoint)
        if self._finished(trainer, epoch) and self.index + 1 < len(self.names):
            # Saved at a boundary: the next stage needs an optimizer of its own.
            checkpoint["optimizer_states"], checkpoint["lr_schedulers"] = [], []
            self._advance(epoch)
            self._start(trainer, pl_module, best)
            checkpoint["callbacks"][self.state_key] = self.state_dict()
        else:
            self._apply(trainer, pl_module, epoch - self._first)
        self._set_end(trainer, epoch)

    def on_train_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        """Begin the next stage where the one before is finished."""
        epoch = trainer.current_epoch
        if self._finished(trainer, epoch) and self.index + 1 < len(self.names):
            best = self.checkpoints[self.index].best_model_path
            self._advance(epoch)
            self._start(trainer, pl_module, best)
            trainer.strategy.connect(pl_module)
            trainer.strategy.setup(trainer)
            pl_module.zero_grad()
        if epoch == self._first:
            self._announce(trainer, pl_module)

    def on_train_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Seed the batch; log the stage at every step, so that a switch is an edge."""
        place = (self.seed, trainer.current_epoch, batch_idx, trainer.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))
        # Smoothed as TensorBoard does, one value an epoch would be a slow slope.
        pl_module.log("stage", float(self.index), on_step=True, rank_zero_only=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the validations since the stage's best."""
        score = trainer.callback_metrics.get(self.checkpoints[self.index].score)
        if trainer.state.fn != "fit" or score is None:
            return
        better = float(score) > self._best
        self._best = max(self._best, float(score))
        self._waited = 0 if better else self._waited + 1

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have the next epoch's loader built before it begins."""
        epoch = trainer.current_epoch + 1
        self._set_end(trainer, epoch)
        if not self._finished(trainer, epoch):
            self._serve(trainer, self.index, epoch - self._first)
        elif self.index + 1 < len(self.names):
            self._serve(trainer, self.index + 1, 0)

    def state_dict(self) -> dict[str, Any]:
        """Return which stage is under way, since when, and how long it has waited."""
        return {
            "names": self.names,
            "index": self.index,
            "first": self._first,
            "waited": self._waited,
            "best": self._best,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.index, self._first = state_dict["index"], state_dict["first"]
        self._waited, self._best = state_dict["waited"], state_dict["best"]

    def best_checkpoints(self) -> dict[str, str]:
        """Return the best checkpoint of every stage that has one, by stage."""
        found = {one.stage: one.best_model_path for one in self.checkpoints}
        return {stage: path for stage, path in found.items() if path}

    def _stage(self, index: int) -> Stage:
        return self.stages[self.names[index]]

    def _check_roles(self, trainer: Trainer) -> None:
        data = data_of(trainer)
        for name, stage in self.stages.items():
            for role in stage.roles(name):
                if role not in data.roles:
                    raise StageError(
                        f"Stage {name!r} wants data {role!r}, but there is "
                        f"{', '.join(data.roles)}: rename the stage or set its `data`."
                    )

    def _take_epochs(self, trainer: Trainer) -> None:
        asked = trainer.fit_loop.max_epochs
        tried_out = getattr(trainer, "fast_dev_run", False)  # a property in disguise
        total = sum(self._epochs(trainer, index) for index in range(len(self.names)))
        if not tried_out and asked not in (-1, None, total):
            raise StageError(
                f"The stages have {total} epochs in all and trainer.max_epochs says "
                f"{asked}: leave it out and set stages.NAME.max_epochs."
            )
        self._set_end(trainer, 0)

    def _set_end(self, trainer: Trainer, epoch: int) -> None:
        """Have the fit end with the last stage, whenever stages before it ended."""
        if getattr(trainer, "fast_dev_run", False):
            return
        end = self._first + self._epochs(trainer, self.index)
        if self._finished(trainer, epoch):
            end = epoch
        later = range(self.index + 1, len(self.names))
        left = sum(self._epochs(trainer, index) for index in later)
        trainer.fit_loop.max_epochs = end + left

    def _epochs(self, trainer: Trainer, index: int) -> int:
        return self._stage(index).epochs(self._steps_per_epoch(trainer, index))

    def _steps_per_epoch(self, trainer: Trainer, index: int) -> int:
        batches = self._batches_per_epoch(trainer, index)
        return math.ceil(batches / trainer.accumulate_grad_batches)

    def _batches_per_epoch(self, trainer: Trainer, index: int) -> int:
        stage = self._stage(index)
        roles = stage.roles(self.names[index])
        batches = data_of(trainer).batches_per_epoch(roles, stage.batch_size)
        limit = trainer.limit_train_batches
        return min(batches, limit) if isinstance(limit, int) else int(batches * limit)

    def _finished(self, trainer: Trainer, epoch: int) -> bool:
        """Return whether the stage is over when this epoch begins."""
        patience = self._stage(self.index).patience
        waited = patience is not None and self._waited >= patience
        return waited or epoch - self._first >= self._epochs(trainer, self.index)

    def _advance(self, epoch: int) -> None:
        self.index, self._first = self.index + 1, epoch
        self._waited, self._best = 0, -math.inf

    def _start(self, trainer: Trainer, module: LightningModule, best: str) -> None:
        """Take over the weights of the stage before and apply the next one."""
        stage = self._stage(self.index)
        seed = int(np.random.SeedSequence((self.seed, self.index)).generate_state(1)[0])
        recogniser(module).begin_stage(self.name, stage, best, seed)
        self._apply(trainer, module, 0)

    def _apply(self, trainer: Trainer, module: LightningModule, epochs: int) -> None:
        stage, data = self._stage(self.index), data_of(trainer)
        self._serve(trainer, self.index, epochs)
        steps = stage.steps(self._steps_per_epoch(trainer, self.index))
        counts = data.class_counts(stage.roles(self.name))
        recogniser(module).plan_stage(stage, steps, counts)

    def _serve(self, trainer: Trainer, index: int, epochs: int) -> None:
        """Have the clips of a stage served that has run for some epochs."""
        stage, per_epoch = self._stage(index), self._steps_per_epoch(trainer, index)
        left = stage.steps(per_epoch) - epochs * per_epoch
        rest = left * trainer.accumulate_grad_batches if left < per_epoch else None
        roles = stage.roles(self.names[index])
        if data_of(trainer).train_on(roles, stage.batch_size, rest):
            trainer.fit_loop._combined_loader = None

    def _find_best(self, checkpoint: dict[str, Any], folder: Path) -> str:
        """Return the best weights so far, wherever the run's folder lies now.

        Raises:
            StageError: A stage's best checkpoint is gone.
        """
        for one in self.checkpoints:
            state = checkpoint["callbacks"].get(one.state_key, {})
            best = state.get("best_model_path", "")
            if best and not Path(best).is_file():
                beside = folder / Path(best).name
                if not beside.is_file():
                    raise StageError(
                        f"The best weights of stage {one.stage!r} are gone: {best}."
                    )
                state["best_model_path"] = str(beside)
        own = checkpoint["callbacks"].get(self.checkpoints[self.index].state_key, {})
        found: str = own.get("best_model_path", "")
        return found

    def _announce(self, trainer: Trainer, module: LightningModule) -> None:
        sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
        trained, whole = sum(n for n, on in sizes if on), sum(n for n, _ in sizes)
        sentence = (
            f"Stage {self.name!r} trains {trained:,} of {whole:,} parameters "
            f"({100 * trained / whole:.2g} %)."
        )
        rank_zero_info(sentence)
        add_text(trainer, "stages", sentence, trainer.global_step)
        module.log("trained_parameters", float(trained), rank_zero_only=True)


def _check_names(stages: Mapping[str, Stage]) -> None:
    if not stages:
        raise StageError("There must be a stage or more.")
    for name in stages:
        if name in _RESERVED or not name.replace("-", "_").isidentifier():
            raise StageError(
                f"A stage can't be called {name!r}: choose a name of letters, digits "
                f"and _ other than {' and '.join(_RESERVED)}."
            )


def _refuse_unfit(trainer: Trainer) -> None:
    strategy = type(trainer.strategy).__name__
    if strategy in _REFUSED:
        raise StageError(
            f"Stages can't be switched under {strategy}, which shards the parameters: "
            "use ddp; --model.gradient_checkpointing true and --model.tuning lora need "
            "far less memory."
        )
    for callback in getattr(trainer, "callbacks", []):
        if isinstance(callback, EarlyStopping):
            raise StageError(
                "EarlyStopping would end the run, not the stage: leave it out and set "
                "stages.NAME.patience."
            )
        if isinstance(callback, StochasticWeightAveraging):
            raise StageError(
                "StochasticWeightAveraging can't follow a switch of stages: leave it "
                "out."
            )


def _refuse_other_split(trainer: Trainer, checkpoint: Mapping[str, Any]) -> None:
    split = getattr(data_of(trainer), "split", None)
    stored = checkpoint.get("split")
    if split and stored and set(stored["train"]) != set(split.groups("train")):
        raise StageError(
            "The run was begun with other training groups: go on with the fold and the "
            "split that it was begun with."
        )


def _next_epoch(checkpoint: Mapping[str, Any]) -> int:
    """Return the epoch that a run resumed from a checkpoint goes on with."""
    loop = checkpoint["loops"]["fit_loop"]
    epochs = loop["epoch_progress"]["current"]
    batches = loop["epoch_loop.batch_progress"]
    finished = batches["is_last_batch"] and epochs["processed"] < epochs["started"]
    return int(epochs["processed"]) + bool(finished)
