"""Whether a run may go on from a checkpoint: only with what it was begun with.

Every setting that differs is refused, unless this file says why it may differ, so that
a setting that is added one day is refused too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from lightning import LightningModule, Trainer

from crossemo.runs.checkpoint_files import name_of, refuse_to_go_on
from crossemo.runs.origin import KEY
from crossemo.stages.clock import StageClock
from crossemo.stages.record import FINGERPRINT, record_of
from crossemo.stages.stage import StageError

_ABSENT = "not given"

# Where things lie, what takes less time or memory, and what is measured besides.
_FREE = (
    "data.cache_dir",
    "data.num_workers",
    "data.*.root",
    "fad.before",
    "fad.enabled",
    "model.gradient_checkpointing",
)
_SHARES = ("data.batch_size", "trainer.devices", "trainer.num_nodes")
_ACCUMULATION = "trainer.accumulate_grad_batches"


def clock_of(trainer: Trainer) -> StageClock | None:
    """Return the clock of a trainer's stages, if it has any."""
    callbacks = getattr(trainer, "callbacks", [])
    clocks = (getattr(callback, "clock", None) for callback in callbacks)
    return next((one for one in clocks if isinstance(one, StageClock)), None)


def write_record(
    trainer: Trainer, module: LightningModule, checkpoint: dict[str, Any]
) -> None:
    """Have a checkpoint say what it is made with, unless it does already."""
    if KEY not in checkpoint:
        checkpoint[KEY] = record_of(trainer, module, clock_of(trainer))


def compare_records(
    trainer: Trainer, module: LightningModule, checkpoint: Mapping[str, Any]
) -> list[str]:
    """Compare what a run is asked for with what a checkpoint was made with.

    Args:
        trainer: The trainer of the run that goes on.
        module: What is trained.
        checkpoint: As it was read.

    Returns:
        What differs of the training and may, a phrase each.

    Raises:
        StageError: Something differs that may not, or the checkpoint doesn't say.
        CheckpointError: It was altered.
    """
    before = checkpoint.get(KEY)
    if before is None:
        raise StageError(
            f"The {name_of(checkpoint)} doesn't say what it was made with, so no run "
            "can go on from it: begin one anew, or a stage by stages.NAME.start_from."
        )
    refuse_to_go_on(checkpoint)
    now = record_of(trainer, module, clock_of(trainer))
    comparison = Comparison(before, now, Place.of(checkpoint))
    if refused := comparison.refused():
        raise StageError(
            f"{'; '.join(refused)}: go on with what the run was begun with, which "
            "config.yaml in its folder holds, or begin one anew, without a checkpoint."
        )
    return comparison.allowed()


@dataclass(frozen=True)
class Place:
    """Where in a run a checkpoint was written.

    Args:
        index: Number of the stage under way.
        epoch: Epoch of the run that goes on.
        steps: Steps that the stage has taken.
        within_epoch: Whether that epoch was begun.
    """

    index: int
    epoch: int
    steps: int
    within_epoch: bool

    @classmethod
    def of(cls, checkpoint: Mapping[str, Any]) -> "Place":
        """Return that of a checkpoint."""
        switch = checkpoint["callbacks"].get("StageSwitch", {})
        loop = checkpoint["loops"]["fit_loop"]
        epochs = loop["epoch_progress"]["current"]
        begun = epochs["processed"] < epochs["started"]
        ended = begun and loop["epoch_loop.batch_progress"]["is_last_batch"]
        schedulers = checkpoint["lr_schedulers"]
        return cls(
            index=switch.get("index", 0),
            epoch=epochs["processed"] + ended,
            steps=schedulers[0]["last_epoch"] if schedulers else 0,
            within_epoch=begun and not ended,
        )


class Comparison:
    """What differs between two records, and which of it may.

    Args:
        before: The record of a checkpoint.
        now: That of the run that goes on from it.
        place: Where the checkpoint was written.
    """

    def __init__(
        self, before: Mapping[str, Any], now: Mapping[str, Any], place: Place
    ) -> None:
        self._before, self._now, self._place = before, now, place
        self._settings = _differing(before["settings"], now["settings"])

    def refused(self) -> list[str]:
        """Return what differs and may not, a phrase each."""
        begun = [list(self._begun(record)) for record in (self._before, self._now)]
        if begun[0] != begun[1]:
            return [_phrase("the order of the stages so far", *map(", ".join, begun))]
        differing = {
            name: values
            for name, values in self._settings.items()
            if not self._may_differ(name)
        }
        # What no setting tells of, such as files that are others now.
        differing = differing or self._traces()
        return [_phrase(name, *values) for name, values in differing.items()]

    def allowed(self) -> list[str]:
        """Return what differs of the training, a phrase each, if none is refused."""
        stages = [set(record["stages"]) for record in (self._before, self._now)]
        new, gone = stages[1] - stages[0], stages[0] - stages[1]
        others = [f"stages.{name}.*" for name in new | gone]
        return [
            *(f"stages.{name} is new" for name in sorted(new)),
            *(f"stages.{name} is left out" for name in sorted(gone)),
            *(
                _phrase(name, *values)
                for name, values in self._settings.items()
                if not _matches(name, (*_FREE, *others))
            ),
        ]

    def _may_differ(self, name: str) -> bool:
        if _matches(name, (*_FREE, *self._later())):
            return True
        if name == _ACCUMULATION:
            return self._shared_out_alike() and self._counts_no_batches()
        if name in _SHARES or name.endswith(".batch_size"):
            return self._shared_out_alike()
        if name == "model.encoder":
            return FINGERPRINT not in self._traces()
        if name == "trainer.max_epochs":  # of a trainer without stages
            stage = self._now["stages"][""]
            return (
                _longer(*self._settings[name])
                and stage["steady"]
                and not stage["warmup"]
            )
        stage = list(self._begun(self._now))[-1]
        if name == f"stages.{stage}.patience":
            return _longer(*self._settings[name])
        lengths = [f"stages.{stage}.max_epochs", f"stages.{stage}.max_steps"]
        return name in lengths and self._may_last_longer(stage)

    def _begun(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return dict(list(record["stages"].items())[: self._place.index + 1])

    def _later(self) -> list[str]:
        """Return patterns of the settings of stages that have not begun."""
        stages = (*self._before["stages"], *self._now["stages"])
        begun = self._begun(self._before)
        return [f"stages.{name}.*" for name in stages if name not in begun]

    def _shared_out_alike(self) -> bool:
        """Return whether steps have as many clips, however these are shared out."""
        old, new = self._begun(self._before), self._begun(self._now)
        sizes = ("clips_per_step", "steps_per_epoch")
        # A bound in seconds is one for each process, so that batches are others.
        return self._now["settings"].get("data.batch_seconds") is None and all(
            old[name][size] == new[name][size] for name in old for size in sizes
        )

    def _counts_no_batches(self) -> bool:
        """Return whether batches of another size change nothing but the memory."""
        counted = ("limit_train", "limit_val", "limit_test")
        whole = [self._now["settings"][f"trainer.{name}_batches"] for name in counted]
        interval = self._now["settings"]["trainer.val_check_interval"]
        joint = any(one.get("joint_loss") for one in self._begun(self._now).values())
        between = not self._place.within_epoch and not joint
        return between and [*whole, interval] == [1.0] * 4

    def _may_last_longer(self, stage: str) -> bool:
        """Return whether another length leaves all that was done as it would have been.

        A longer one does if the rate is constant by now. The epoch that a stage of so
        many steps ends in may have left clips unseen, so none goes on from there.
        """
        old, new = (one["stages"][stage] for one in (self._before, self._now))
        if old["steps"] == new["steps"]:
            return True
        warm = math.ceil(new["warmup"] * new["steps"]) <= self._place.steps
        whole = old["steps"] % old["steps_per_epoch"] == 0
        return bool(old["steady"] and warm and whole and new["steps"] > old["steps"])

    def _traces(self) -> dict[str, tuple[Any, Any]]:
        steps = (
            {f"the steps of an epoch of {k}": v["steps_per_epoch"] for k, v in one}
            for one in (self._begun(r).items() for r in (self._before, self._now))
        )
        traces = _differing(self._before["traces"], self._now["traces"])
        return traces | _differing(*steps)


def _differing(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    pairs = {n: (old.get(n, _ABSENT), new.get(n, _ABSENT)) for n in {**old, **new}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _longer(old: int | None, new: int | None) -> bool:
    return new is None or (old is not None and new > old)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _phrase(name: str, old: object, new: object) -> str:
    return f"{name} was {old}, is {new}"
