"""Several stages in one fit: what trains, on which clips, from which weights.

Lightning wraps the model for DDP once and builds the optimizer once. A new stage needs
both anew, or parameters that it unfreezes are never synchronised. The switch therefore
has the strategy set itself up again (`Strategy.connect`, `Strategy.setup`) and has the
fit loop forget its loader. Neither is documented as public: both are used in this file
alone, and the range of Lightning is bounded in pyproject.toml.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from crossemo.data.trainer import data_of
from crossemo.errors import guess_among
from crossemo.runs.board import add_text
from crossemo.runs.checkpoint_files import write_whole
from crossemo.stages.best import StageCheckpoint
from crossemo.stages.clock import StageClock
from crossemo.stages.going_on import Place, compare_records, write_record
from crossemo.stages.refusals import refuse_unfit, staged
from crossemo.stages.stage import Stage, StageError
from crossemo.stages.trainer_rules import refuse_unvalidated


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
        clock: Knows which stage is under way.

    Raises:
        StageError: The stages fit neither the data nor the trainer.
    """

    def __init__(self, stages: Mapping[str, Stage], seed: int = 0) -> None:
        self.clock = StageClock(stages)
        self.seed = seed
        self.checkpoints = [
            StageCheckpoint(self.clock, name, stage.roles(name))
            for name, stage in stages.items()
        ]

    def callbacks(self) -> list[Callback]:
        """Return the switch and its checkpoints, for `Trainer(callbacks=...)`."""
        return [self, *self.checkpoints]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Apply the first stage before Lightning wraps the model."""
        write_whole(trainer)
        if stage != "fit":
            return
        self.clock.restart()
        refuse_unfit(trainer)
        self._check_roles(trainer)
        staged(pl_module).plan_run(list(self.clock.stages.values()))
        batches = {
            name: _batches_per_epoch(trainer, stage.roles(name), stage.batch_size)
            for name, stage in self.clock.stages.items()
        }
        together = trainer.accumulate_grad_batches
        self.clock.steps_per_epoch = [
            math.ceil(count / together) for count in batches.values()
        ]
        self._take_epochs(trainer)
        if not getattr(trainer, "fast_dev_run", False):
            plan = {
                name: self._batches(name, batches[name], together) for name in batches
            }
            refuse_unvalidated(trainer, plan)
        self._start(trainer, pl_module, "")

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Have the checkpoint say what it is made with."""
        write_record(trainer, pl_module, checkpoint)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Resume in the stage of the next epoch, before Lightning wraps the model.

        Raises:
            StageError: The run was begun with something else.
        """
        if trainer.state.fn != "fit":
            return
        compare_records(trainer, pl_module, checkpoint)
        clock = self.clock
        clock.load_state_dict(checkpoint["callbacks"][self.state_key])
        folder = Path(str(trainer.ckpt_path)).parent
        paths = {one.stage: one.locate(checkpoint, folder) for one in self.checkpoints}
        best = paths[clock.name]
        epoch = Place.of(checkpoint).epoch
        if clock.finished(epoch) and not clock.on_last:
            # Saved at a boundary: the next stage needs an optimizer of its own.
            checkpoint["optimizer_states"], checkpoint["lr_schedulers"] = [], []
            clock.advance(epoch)
            self._start(trainer, pl_module, best)
            checkpoint["callbacks"][self.state_key] = self.state_dict()
        else:
            self._apply(trainer, pl_module, epoch - clock.first)
        if clock.finished(epoch):
            rank_zero_info(
                f"This run is finished: its last stage, {clock.name!r}, ended with "
                f"epoch {epoch - 1}, so nothing is trained any more."
            )
        self._set_end(trainer, epoch)

    def on_train_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        """Begin the next stage where the one before is finished."""
        epoch, clock = trainer.current_epoch, self.clock
        if clock.finished(epoch) and not clock.on_last:
            best = self.checkpoints[clock.index].best_model_path
            clock.advance(epoch)
            self._start(trainer, pl_module, best)
            trainer.strategy.connect(pl_module)
            trainer.strategy.setup(trainer)
            pl_module.zero_grad()
        if epoch == clock.first:
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
        torch.manual_seed(_seed_of(*place))
        # Smoothed as TensorBoard does, one value an epoch would be a slow slope.
        number = float(self.clock.index)
        pl_module.log("stage", number, on_step=True, rank_zero_only=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the stage's best validation, for patience."""
        score = trainer.callback_metrics.get(self.checkpoints[self.clock.index].score)
        if trainer.state.fn == "fit" and score is not None:
            self.clock.note(float(score), trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have the next epoch's loader built before it begins."""
        epoch, clock = trainer.current_epoch + 1, self.clock
        self._set_end(trainer, epoch)
        if not clock.finished(epoch):
            self._serve(trainer, clock.index, epoch - clock.first)
        elif not clock.on_last:
            self._serve(trainer, clock.index + 1, 0)

    def state_dict(self) -> dict[str, Any]:
        """Return what the clock says."""
        return self.clock.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Set the clock."""
        self.clock.load_state_dict(state_dict)

    def best_checkpoints(self) -> dict[str, str]:
        """Return the best checkpoint of every stage that has one, by stage."""
        paths = {one.stage: one.best_model_path for one in self.checkpoints}
        return {stage: path for stage, path in paths.items() if path}

    def _check_roles(self, trainer: Trainer) -> None:
        data = data_of(trainer)
        for name, stage in self.clock.stages.items():
            for role in stage.roles(name):
                if role not in data.roles:
                    raise StageError(
                        f"Stage {name!r} wants data {role!r}, but there is "
                        f"{', '.join(data.roles)}: rename the stage or set its `data`."
                        f"{guess_among(role, data.roles)}"
                    )

    def _batches(self, name: str, count: int, together: int) -> list[int]:
        """Return the batches of every epoch of a stage unless patience ends it."""
        index = self.clock.names.index(name)
        left = [
            self.clock.steps_left(index, epoch)
            for epoch in range(self.clock.epochs(index))
        ]
        return [min(count, steps * together) for steps in left]

    def _take_epochs(self, trainer: Trainer) -> None:
        wanted, total = trainer.fit_loop.max_epochs, self.clock.end(0)
        tried_out = getattr(trainer, "fast_dev_run", False)  # a property in disguise
        if not tried_out and wanted not in (-1, None, total):
            raise StageError(
                f"The stages have {total} epochs in all and trainer.max_epochs says "
                f"{wanted}: leave it out and set stages.NAME.max_epochs."
            )
        self._set_end(trainer, 0)

    def _set_end(self, trainer: Trainer, epoch: int) -> None:
        """Have the fit end with the last stage, whenever stages before it ended."""
        if not getattr(trainer, "fast_dev_run", False):
            trainer.fit_loop.max_epochs = self.clock.end(epoch)

    def _start(self, trainer: Trainer, module: LightningModule, best: str) -> None:
        """Take over the weights of the stage before and apply the next one."""
        clock, seed = self.clock, _seed_of(self.seed, self.clock.index)
        staged(module).begin_stage(clock.name, clock.stage, best, seed)
        self._apply(trainer, module, 0)

    def _apply(self, trainer: Trainer, module: LightningModule, epochs: int) -> None:
        clock, data = self.clock, data_of(trainer)
        self._serve(trainer, clock.index, epochs)
        counts = data.class_counts(clock.stage.roles(clock.name))
        steps = clock.steps_left(clock.index, 0)
        staged(module).plan_stage(clock.stage, steps, counts)

    def _serve(self, trainer: Trainer, index: int, epochs: int) -> None:
        """Have the clips of a stage served that has run for some epochs."""
        left = self.clock.steps_left(index, epochs)
        rest = None
        if left < self.clock.steps_per_epoch[index]:
            rest = left * trainer.accumulate_grad_batches
        name = self.clock.names[index]
        stage = self.clock.stages[name]
        if data_of(trainer).train_on(stage.roles(name), stage.batch_size, rest):
            trainer.fit_loop._combined_loader = None

    def _announce(self, trainer: Trainer, module: LightningModule) -> None:
        sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
        trained, whole = sum(n for n, on in sizes if on), sum(n for n, _ in sizes)
        sentence = (
            f"Stage {self.clock.name!r} trains {trained:,} of {whole:,} parameters "
            f"({100 * trained / whole:.2f} %)."
        )
        rank_zero_info(sentence)
        add_text(trainer, "stages", sentence, trainer.global_step)
        module.log("trained_parameters", float(trained), rank_zero_only=True)


def _seed_of(*place: int) -> int:
    """Return a seed of its own for every place in a run."""
    return int(np.random.SeedSequence(place).generate_state(1)[0])


def _batches_per_epoch(
    trainer: Trainer, roles: Sequence[str], batch_size: int | None
) -> int:
    batches = data_of(trainer).batches_per_epoch(roles, batch_size)
    limit = trainer.limit_train_batches
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    return max(1, batches)
