"""Stages of training: what each trains, on what, how long, and from what it starts."""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from crossemo.errors import CrossEmoError
from crossemo.stages.optimization import Schedule

Trained = Literal["head", "layers", "adapter", "all"]
ModelPart = Literal["encoder", "layers", "projector", "head"]
ClassWeights = Literal["balanced", "none"]


MAX = sys.float_info.max


class StageError(CrossEmoError):
    """Stages that don't fit the data, the model or the trainer."""


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    What is left at None is the model's own setting, or the data's.

    Args:
        max_epochs: Epochs of the stage; 10 if neither these nor the steps are given.
        max_steps: Optimizer steps of the stage; what ends first, ends it.
        patience: End the stage after so many epochs without a better validation score
            (UA of classes, CCC of values).
        train: What is trained: the `head`; the layer weights too (`layers`); the
            `adapter` too; `all`; or patterns of parameter names such as
            `encoder.model.encoder.layers.1?.*`. If None, what the model's tuning says,
            with head and layer weights.
        data: Roles of the data whose training clips are used, one or several; if None,
            the role of the stage's name.
        batch_size: Clips per process and step.
        lr: Learning rate of the head and the layer weights.
        encoder_lr: Learning rate of the encoder.
        warmup: Share of the steps in which the rates rise linearly.
        schedule: What the rates do afterwards.
        class_weights: Whether rare classes weigh more.
        start_from: The `best` weights of the stage before, by validation score, its
            `last`, those that the run began with (`scratch`), or a checkpoint's path.
        adapter: Whether the adapter of the stage before goes on (`continue`), stays as
            it is beside a second one (`add`), or is merged into the encoder before a
            fresh one begins (`merge`).
        reset: Parts that begin anew: `encoder`, `layers`, `projector`, `head`.
        reset_head: The same as `head` and `projector` among the parts.

    Raises:
        StageError: A number is out of range.
    """

    max_epochs: int | None = None
    max_steps: int | None = None
    patience: int | None = None
    train: Trained | list[str] | None = None
    data: str | list[str] | None = None
    batch_size: int | None = None
    lr: float | None = None
    encoder_lr: float | None = None
    warmup: float | None = None
    schedule: Schedule | None = None
    class_weights: ClassWeights | None = None
    start_from: str = "best"
    adapter: Literal["continue", "add", "merge"] = "continue"
    reset: list[ModelPart] = field(default_factory=list)
    reset_head: bool = False

    def __post_init__(self) -> None:
        for name in ("max_epochs", "max_steps", "patience", "batch_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise StageError(f"A stage's {name} is 1 or more, not {value}.")
        for name in ("train", "data"):
            value = getattr(self, name)
            if isinstance(value, list) and (not value or len(set(value)) < len(value)):
                raise StageError(f"A stage's {name} is {value}: name each thing once.")
        for name in ("lr", "encoder_lr", "warmup"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= (1 if name == "warmup" else MAX):
                raise StageError(f"A stage's {name} can't be {value}.")

    @property
    def starts_elsewhere(self) -> bool:
        """Whether the stage starts from a checkpoint of another run."""
        return self.start_from not in ("best", "last", "scratch")

    @property
    def parts_reset(self) -> set[str]:
        """Parts that begin anew."""
        return set(self.reset) | ({"head", "projector"} if self.reset_head else set())

    def roles(self, name: str) -> tuple[str, ...]:
        """Return the roles of the data that a stage of this name trains on."""
        data = name if self.data is None else self.data
        return (data,) if isinstance(data, str) else tuple(data)

    def steps(self, steps_per_epoch: int) -> int:
        """Return the optimizer steps that the stage takes unless patience ends it.

        >>> Stage(max_epochs=3).steps(4), Stage(max_steps=10).steps(4)
        (12, 10)
        """
        if self.max_steps is None:
            return (self.max_epochs or 10) * steps_per_epoch
        if self.max_epochs is None:
            return self.max_steps
        return min(self.max_steps, self.max_epochs * steps_per_epoch)

    def epochs(self, steps_per_epoch: int) -> int:
        """Return the epochs that these steps take, a begun one included.

        >>> Stage(max_steps=10).epochs(steps_per_epoch=4)
        3
        """
        return math.ceil(self.steps(steps_per_epoch) / steps_per_epoch)


def chain_of(name: str, stages: Mapping[str, Stage]) -> tuple[str, ...]:
    """Return a stage and those before it that its weights come from, oldest first.

    >>> stages = {"alone": Stage(), "source": Stage(start_from="scratch"), "t": Stage()}
    >>> chain_of("t", stages)
    ('source', 't')
    """
    names = list(stages)
    chain: list[str] = []
    for one in reversed(names[: names.index(name) + 1]):
        chain.insert(0, one)
        if stages[one].start_from not in ("best", "last"):
            break
    return tuple(chain)


def baseline_of(name: str, stages: Mapping[str, Stage]) -> str | None:
    """Return the stage that trained on the same data alone, from the same start.

    >>> source = Stage(start_from="scratch")
    >>> stages = {"alone": Stage(data="t"), "s": source, "t": Stage()}
    >>> baseline_of("t", stages)
    'alone'
    """
    if len(chain_of(name, stages)) == 1:
        return None
    roles = stages[name].roles(name)
    for other, stage in stages.items():
        alone = chain_of(other, stages) == (other,) and not stage.starts_elsewhere
        if alone and stage.roles(other) == roles:
            return other
    return None


def forgotten_of(name: str, stages: Mapping[str, Stage]) -> Sequence[tuple[str, str]]:
    """Return the earlier stages of a chain with the roles that they were for.

    >>> forgotten_of("target", {"source": Stage(), "target": Stage()})
    [('source', 'source')]
    """
    roles = stages[name].roles(name)
    earlier = chain_of(name, stages)[:-1]
    pairs = [(one, role) for one in earlier for role in stages[one].roles(one)]
    return [(one, role) for one, role in pairs if role not in roles]
