"""Modules and trainers that stages can't be switched with."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from lightning import LightningModule, Trainer

from crossemo.stages.stage import Stage, StageError
from crossemo.stages.trainer_rules import refuse_trainer

_SHARDING = ("fsdp", "modelparallel", "deepspeed")


@runtime_checkable
class Staged(Protocol):
    """What the switch needs of a module, see `crossemo.stages.staged.StagedModule`."""

    def plan_run(self, stages: Sequence[Stage]) -> None: ...  # noqa: D102
    def begin_stage(  # noqa: D102
        self, name: str, stage: Stage, best: str, seed: int
    ) -> None: ...
    def plan_stage(  # noqa: D102
        self, stage: Stage, steps: int, counts: Sequence[float]
    ) -> None: ...


def staged(module: LightningModule) -> Staged:
    """Return a module as one that can be trained in stages.

    Raises:
        StageError: It can't.
    """
    if not isinstance(module, Staged):
        raise StageError(
            f"{type(module).__name__} can't be trained in stages: it needs plan_run, "
            "begin_stage and plan_stage, as StagedModule has them."
        )
    return module


def refuse_sharding(strategy: str) -> None:
    """Refuse strategies whose shards of parameters a switch of stages would lose.

    Args:
        strategy: Its name.

    Raises:
        StageError: It is one of these.
    """
    if strategy.lower().replace("_", "").startswith(_SHARDING):
        raise StageError(
            f"Stages can't be switched under {strategy}, which shards the parameters: "
            "use ddp; --model.gradient_checkpointing true and --model.tuning lora need "
            "far less memory."
        )


def refuse_unfit(trainer: Trainer) -> None:
    """Refuse a trainer whose strategy, options or callbacks would undo the stages.

    Raises:
        StageError: It has such.
    """
    refuse_sharding(type(trainer.strategy).__name__)
    refuse_trainer(trainer)
