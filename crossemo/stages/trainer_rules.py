"""Lightning's own callbacks and options that stages can't be trained with, and why."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lightning import Trainer

from crossemo.stages.stage import StageError


class Rule(NamedTuple):
    """A rule for one of the trainer's options.

    Args:
        fits: Whether stages can be trained with a value of the option.
        advice: What is wrong with other values, and what to do instead.
    """

    fits: Callable[[Any], bool]
    advice: str


def _one_of(*values: object) -> Callable[[Any], bool]:
    # By their text, as 1 batch and all of them (1.0) are equal numbers.
    texts = {str(value) for value in values}
    return lambda value: str(value) in texts


def _not_zero(value: float | None) -> bool:
    return value is None or value != 0


_AGAIN = (
    "it would end the run within a stage: leave it out and set a limit outside "
    "(`timeout 2h lightning fit …`), as a run that is told to end saves where it is "
    "and goes on with --ckpt_path last"
)
_LENGTH = "stages say themselves how long they are: leave it out and set stages.NAME."

OPTIONS: dict[str, Rule] = {
    "max_steps": Rule(_one_of(None, -1), _LENGTH + "max_steps"),
    "min_steps": Rule(_one_of(None, 0), _LENGTH + "max_steps"),
    "min_epochs": Rule(
        _one_of(None, 0, 1), _LENGTH + "max_epochs and stages.NAME.patience"
    ),
    "max_time": Rule(_one_of(None), _AGAIN),
    "limit_train_batches": Rule(
        _not_zero, "nothing would be trained: leave it out, or say test instead of fit"
    ),
    "limit_val_batches": Rule(
        _not_zero,
        "nothing would tell which weights of a stage are its best: leave it out",
    ),
    "overfit_batches": Rule(
        lambda value: not value,
        "it would put another order of clips in the place of the data's own: use "
        "limit_train_batches",
    ),
    "val_check_interval": Rule(
        lambda value: value is None or isinstance(value, int | float),
        "by the clock no two runs are validated alike: give a number",
    ),
    "enable_checkpointing": Rule(
        lambda value: value is not False,
        "each stage keeps its best weights in a checkpoint: leave it out",
    ),
    "barebones": Rule(
        lambda value: not value,
        "it keeps neither scores nor checkpoints, by which stages go on: leave it out",
    ),
    "strategy": Rule(
        lambda value: not re.search("spawn|fork|notebook", str(value)),
        "what its processes learn of the stages ends with them: use ddp",
    ),
    "precision": Rule(
        _one_of(
            None, 32, "32-true", 64, "64-true", 16, "16-mixed", "bf16", "bf16-mixed"
        ),
        "weights of so few digits lose the small steps of training, whatever the rate, "
        "and float16 AdamW's epsilon too: use bf16-mixed or 32-true",
    ),
}

# Class → why not, and what to do. Classes below these are refused with them.
CALLBACKS: dict[str, str] = {
    "BaseFinetuning": "freezes and unfreezes by its own plan: leave it out and say by "
    "stages.NAME.train what each stage trains",
    "BatchSizeFinder": "would change the batches that the stages are planned by: leave "
    "it out and set stages.NAME.batch_size",
    "EarlyStopping": "would end the run, not the stage: leave it out and set "
    "stages.NAME.patience",
    "GradientAccumulationScheduler": "would change the number of steps that the stages "
    "are planned by: leave it out and set trainer.accumulate_grad_batches",
    "LearningRateFinder": "would change rates that the stages set: leave it out and "
    "set stages.NAME.lr and stages.NAME.encoder_lr",
    "ModelPruning": "puts masks in the place of weights that stages hand on: leave it "
    "out",
    "OnExceptionCheckpoint": "would have a run go on unasked from an earlier one: "
    "leave it out and go on with --ckpt_path last",
    "StochasticWeightAveraging": "can't follow a switch of stages: leave it out",
    "Timer": _AGAIN.replace("it would", "would", 1),
    # EMAWeightAveraging too: what is validated would not be what is tested.
    "WeightAveraging": "can't follow a switch of stages: leave it out",
}


def refuse_options(options: Mapping[str, Any]) -> None:
    """Refuse options of a trainer that stages can't be trained with.

    Args:
        options: Some or all of the trainer's options by name.

    Raises:
        StageError: There is such an option.
    """
    if options.get("fast_dev_run"):  # sets most of them itself
        return
    for name, rule in OPTIONS.items():
        if name in options and not rule.fits(options[name]):
            value = options[name]
            text = f"{value:g}" if isinstance(value, float) else value
            raise StageError(f"trainer.{name} is {text}, but {rule.advice}.")


def refuse_callbacks(callbacks: Iterable[object]) -> None:
    """Refuse callbacks of Lightning's that stages can't be trained with.

    Those of other origin are welcome.

    Raises:
        StageError: There is such a callback.
    """
    for callback in callbacks:
        for ancestor in type(callback).__mro__:
            lightnings = ancestor.__module__.partition(".")[0] in _LIGHTNING
            name = ancestor.__name__
            if lightnings and name in CALLBACKS and not _only_tells(callback):
                raise StageError(f"{type(callback).__name__} {CALLBACKS[name]}.")


def refuse_trainer(trainer: Trainer) -> None:
    """Refuse a trainer whose options or callbacks stages can't be trained with.

    Raises:
        StageError: It is such.
    """
    refuse_callbacks(getattr(trainer, "callbacks", []))
    options = {
        name: getattr(trainer, name) for name in OPTIONS if hasattr(trainer, name)
    }
    options["fast_dev_run"] = getattr(trainer, "fast_dev_run", False)
    interval = getattr(trainer, "_val_check_time_interval", None)
    if interval is not None:
        options["val_check_interval"] = f"{interval:g} s"
    refuse_options(options)
    saving = type(getattr(trainer.strategy, "checkpoint_io", None)).__name__
    if saving == "AsyncCheckpointIO":
        raise StageError(
            "AsyncCheckpointIO is still writing when the next stage reads the best "
            "weights: leave it out."
        )


def refuse_unvalidated(trainer: Trainer, batches: Mapping[str, Sequence[int]]) -> None:
    """Refuse to validate so seldom that a stage might have no best weights.

    Args:
        trainer: The trainer.
        batches: Batches of every epoch, by stage.

    Raises:
        StageError: A stage might end before it is validated.
    """
    epochs, interval = trainer.check_val_every_n_epoch, trainer.val_check_interval
    counted = interval if isinstance(interval, int) else 0
    for name, lengths in batches.items():
        if epochs is None:
            seldom = sum(lengths) < counted
        else:
            seldom = len(lengths) < epochs or min(lengths) < counted
        if seldom:
            raise StageError(
                f"Stage {name!r} might never be validated: it has {len(lengths)} "
                f"epochs, of {min(lengths)} batches or more, check_val_every_n_epoch "
                f"is {epochs} and val_check_interval {interval}. Leave these out, or "
                "validate more often."
            )


_LIGHTNING = ("lightning", "pytorch_lightning")


def _only_tells(callback: Any) -> bool:  # noqa: ANN401
    """Return whether a callback is a timer that ends nothing."""
    remaining = getattr(callback, "time_remaining", None)
    return remaining is not None and remaining() is None
