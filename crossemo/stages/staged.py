"""A module whose parts are trained stage by stage."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from crossemo.corpora.base import PARTS
from crossemo.encoders import SSLEncoder
from crossemo.files import expanded
from crossemo.heads import EmotionHead
from crossemo.mix import LayerMix
from crossemo.runs.checkpoint_files import read_checkpoint
from crossemo.runs.origin import checkpoint_provenance, origin_of
from crossemo.sharing.reliability import Reliability
from crossemo.stages.checkpoints import (
    encoder_card,
    leave_out_pretrained,
    put_back_pretrained,
    refuse_unusable,
    take_new_head,
)
from crossemo.stages.going_on import compare_records, write_record
from crossemo.stages.leaks import LeakGuard
from crossemo.stages.optimization import (
    parameter_groups,
    warmup_schedule,
)
from crossemo.stages.selection import trained_names
from crossemo.stages.stage import Stage, StageError
from crossemo.tasks import Task


class StagedModule(LeakGuard):
    """An encoder, a layer mix and a head that are trained in one or several stages.

    Says what a stage trains and inherits, builds its optimizer and decides what a
    checkpoint holds. Hyperparameters are the settings that stages leave open.

    Args:
        encoder: The encoder.
        mix: The mix of its hidden states.
        head: The classifier.
        task: What is learnt.
        allow_leak: As in `LeakGuard`.

    Attributes:
        classes: Names of the outputs in order.
        changes: What the run goes on with that it was not begun with, if anything.
        origin: Where the checkpoint that was loaded last was written, see `origin_of`.
        reliability: What the weights of the last validation of a training, or those
            that were loaded, know of their own reliability; None where nothing is.
    """

    class_weights: Tensor

    def __init__(
        self,
        encoder: SSLEncoder,
        mix: LayerMix,
        head: EmotionHead,
        task: Task,
        *,
        allow_leak: bool = False,
    ) -> None:
        super().__init__(encoder, allow_leak=allow_leak)
        self.mix, self.head = mix, head
        self.task, self.classes = task, task.outputs
        weights = torch.ones(len(self.classes))
        self.register_buffer("class_weights", weights, persistent=False)
        self._stage: Stage | None = None
        self._steps = 0
        self._stepped = 0
        self._start: dict[str, Any] = {}
        self._untrained: dict[str, Tensor] = {}
        self.changes: list[str] = []
        self.origin: dict[str, Any] = {}
        self.reliability: Reliability | None = None

    def plan_run(self, stages: Sequence[Stage]) -> None:
        """Have every checkpoint of a run hold what any of its stages changes.

        Raises:
            StageError: A stage trains what there is not.
            CrossEmoError: A checkpoint that a stage starts from can't be read.
            LeakError: It has seen what the run would judge it by.
        """
        self.refuse_leaks()
        self.changes, self._untrained = [], {}
        changed: set[str] = set()
        for stage in stages:
            changed |= trained_names(self, stage.train)
            adapters = self.encoder.adaptation.adapters
            if adapters and stage.adapter != "continue":
                changed |= {f"encoder.model.{name}" for name in adapters.adapted()}
            if stage.starts_elsewhere:
                stored = read_checkpoint(expanded(stage.start_from))
                refuse_unusable(stored)
                self.refuse_leaks(checkpoint_provenance(stored, "model"))
                changed |= set(stored["state_dict"])
        self.encoder.keep(_below("encoder.model.", changed))
        self._start = {}
        if any(s.start_from == "scratch" or "encoder" in s.reset for s in stages):
            state = {key: value.clone() for key, value in self.state_dict().items()}
            self._start = {"state_dict": state}
            self.on_save_checkpoint(self._start)

    def begin_stage(self, name: str, stage: Stage, best: str, seed: int) -> None:
        """Take over what a stage inherits and make anew what it does not.

        Args:
            name: Name of the stage.
            stage: The stage.
            best: Path of the best checkpoint of the stage before; empty if none.
            seed: Seed of what is made anew.

        Raises:
            CheckpointMismatchError: The checkpoint belongs to another model.
            StageError: The tuning has no adapters to add or merge.
        """
        self.reliability = None
        if stage.start_from == "scratch":
            self._take(self._start)
        elif stage.starts_elsewhere:
            self._take(read_checkpoint(expanded(stage.start_from)), other_classes=True)
        elif stage.start_from == "best" and best:
            self._take(read_checkpoint(best))
        if adapters := self.encoder.adaptation.adapters:
            adapters.begin(f"stage_{name}", stage.adapter)
        elif stage.adapter != "continue":
            raise StageError(
                f"Stage {name!r} wants to {stage.adapter} an adapter, but tuning "
                f"{self.encoder.tuning} has none of peft's."
            )
        if "encoder" in stage.reset:
            weights = self.state_dict().items()
            others = {k: v for k, v in weights if not k.startswith("encoder.")}
            head_provenance = self.provenance
            self._take(self._start | {"state_dict": self._start["state_dict"] | others})
            self.provenance |= head_provenance
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            if "layers" in stage.parts_reset:
                self.mix.reset_parameters()
            self.head.reset_parameters(stage.parts_reset)

    def plan_stage(self, stage: Stage, steps: int, counts: Sequence[float]) -> None:
        """Train what a stage trains, as it says, from the next optimizer on.

        Args:
            stage: The stage.
            steps: Optimizer steps that it takes.
            counts: Training clips of every class.
        """
        self._stage, self._steps = stage, steps
        chosen = trained_names(self, stage.train)
        self.encoder.train_only(_below("encoder.model.", chosen))
        self.encoder.train(self.training)  # from evaluation mode, if it was frozen
        for part in ("mix", "head"):
            for name, parameter in self.get_submodule(part).named_parameters():
                parameter.requires_grad = f"{part}.{name}" in chosen
        weights = torch.ones(len(self.classes))
        if self._setting("class_weights") == "balanced":
            weights = self.task.weights(counts)
        self.class_weights = weights.to(self.device)
        if adapters := self.encoder.adaptation.adapters:
            adapters.plan(steps)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Build AdamW and its schedule for the planned stage."""
        if self._stage is None:
            self._plan_alone()
        groups = parameter_groups(
            {"encoder": [self.encoder], "head": [self.mix, self.head]},
            {"encoder": self._setting("encoder_lr"), "head": self._setting("lr")},
            self.hparams["weight_decay"],
        )
        optimizer = torch.optim.AdamW(groups)
        scheduler = warmup_schedule(
            optimizer, self._steps, self._setting("warmup"), self._setting("schedule")
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_train_batch_end(self, *_: object) -> None:
        """Let adapters that prune themselves do so after every optimizer step."""
        adapters = self.encoder.adaptation.adapters
        if adapters and self.trainer.global_step != self._stepped:
            self._stepped = self.trainer.global_step
            adapters.after_step()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what the encoder's own files hold, and name those files."""
        leave_out_pretrained(checkpoint, self.encoder, self._card())
        self.save_provenance(checkpoint)
        if self.reliability is not None:
            checkpoint["reliability"] = self.reliability.tensors()
        if self._trainer and "callbacks" in checkpoint:  # all of its state
            write_record(self.trainer, self, checkpoint)
            checkpoint["changes"] = self.changes
        if (data := self._data) is not None:
            checkpoint["split"] = {p: list(data.split.groups(p)) for p in PARTS}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put back what was left out; go on only with what a run was begun with.

        Raises:
            CheckpointMismatchError: The checkpoint does not fit this model.
            LeakError: It has seen what this run judges by.
            ReliabilityError: What it says of its reliability is broken.
            StageError: The run that goes on was begun with something else.
        """
        if self._trainer and self._trainer.state.fn == "fit":
            self._go_on(checkpoint)
        self.origin = origin_of(checkpoint)
        self._put_back(checkpoint)
        tensors = checkpoint.get("reliability")  # versions up to 0.1 have none
        self.reliability = None if tensors is None else Reliability.of(tensors)

    def _go_on(self, checkpoint: Mapping[str, Any]) -> None:
        changes = compare_records(self.trainer, self, checkpoint)
        if changes:
            rank_zero_info(f"The run goes on, and {'; '.join(changes)}.")
        step = checkpoint["global_step"]
        new = [f"from step {step} on: {change}" for change in changes]
        self.changes = [*checkpoint["changes"], *new]
        if self.changes:  # the best weights so far may lack what stages train now
            weights = self.encoder.state_dict(prefix="encoder.").items()
            self._untrained = {key: value.clone() for key, value in weights}

    def _put_back(self, checkpoint: dict[str, Any]) -> None:
        self.load_provenance(checkpoint)
        put_back_pretrained(checkpoint, self.encoder, self._card(), self._weights)

    def _weights(self) -> dict[str, Tensor]:
        weights: dict[str, Tensor] = self.state_dict()
        return weights | {k: v for k, v in self._untrained.items() if k in weights}

    def _card(self) -> dict[str, Any]:
        return encoder_card(self.encoder, self.classes)

    def _take(self, checkpoint: Mapping[str, Any], other_classes: bool = False) -> None:
        """Load weights; those of other classes with the classifier of this model."""
        stored = dict(checkpoint)
        if other_classes and take_new_head(stored, self.classes, self.state_dict()):
            rank_zero_info("The checkpoint has other classes: the head begins anew.")
        self._put_back(stored)
        self.load_state_dict(stored["state_dict"])

    def _plan_alone(self) -> None:
        """Plan the one stage of a trainer without stages."""
        counts: list[float] = [1] * len(self.classes)
        if self._data is not None:
            counts = self._data.class_counts(self._data.active)
        self.plan_stage(Stage(), int(self.trainer.estimated_stepping_batches), counts)

    def _setting(self, name: str) -> Any:  # noqa: ANN401
        """Return the stage's own setting, or the model's."""
        setting = getattr(self._stage, name)
        return self.hparams[name] if setting is None else setting


def _below(prefix: str, names: Iterable[str]) -> set[str]:
    return {n.removeprefix(prefix) for n in names if n.startswith(prefix)}
