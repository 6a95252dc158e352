"""Where in its stages a run is."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from crossemo.stages.stage import Stage, StageError

_RESERVED = ("last", "test")  # names of a checkpoint and of a test without stages


class StageClock:
    """Tells which stage an epoch belongs to, and when it is over.

    Args:
        stages: The stages by name, in order.

    Attributes:
        stages: As given.
        steps_per_epoch: Optimizer steps of an epoch of each stage; to be set before
            anything is asked.
        index: Number of the stage under way.
        first: Epoch of the run that it began with.

    Raises:
        StageError: There is no stage, or one has a name that files can't have.

    >>> clock = StageClock({"source": Stage(3), "target": Stage(max_steps=5)})
    >>> clock.steps_per_epoch = [4, 4]
    >>> clock.finished(2), clock.finished(3), clock.end(0)
    (False, True, 5)
    """

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        if not stages:
            raise StageError("There must be a stage or more.")
        for name in stages:
            if name in _RESERVED or not name.replace("-", "_").isidentifier():
                raise StageError(
                    f"A stage can't be called {name!r}: choose a name of letters, "
                    f"digits and _ other than {' and '.join(_RESERVED)}."
                )
        self.stages = dict(stages)
        self.steps_per_epoch: Sequence[int] = []
        self._best = -math.inf
        self._best_epoch: int | None = None  # or that of the first validation
        self.restart()

    def restart(self) -> None:
        """Go to the start of the first stage."""
        self.index = 0
        self._begin(0)

    @property
    def names(self) -> list[str]:
        """Names of the stages in order."""
        return list(self.stages)

    @property
    def name(self) -> str:
        """Name of the stage under way."""
        return self.names[self.index]

    @property
    def stage(self) -> Stage:
        """The stage under way."""
        return self.stages[self.name]

    @property
    def on_last(self) -> bool:
        """Whether no stage follows."""
        return self.index + 1 == len(self.stages)

    def epochs(self, index: int) -> int:
        """Return the epochs of a stage unless patience ends it."""
        stage = self.stages[self.names[index]]
        return stage.epochs(self.steps_per_epoch[index])

    def steps_left(self, index: int, epochs: int) -> int:
        """Return the steps that a stage has left after some epochs."""
        stage, per_epoch = self.stages[self.names[index]], self.steps_per_epoch[index]
        return stage.steps(per_epoch) - epochs * per_epoch

    def note(self, score: float, epoch: int) -> None:
        """Take note of a validation, for patience.

        Args:
            score: The higher, the better; what is no number is never better.
            epoch: Epoch of the run that it was made in.
        """
        if self._best_epoch is None or score > self._best:
            self._best_epoch = epoch
        if score > self._best:
            self._best = score

    def finished(self, epoch: int) -> bool:
        """Return whether the stage is over when this epoch of the run begins."""
        patience, best = self.stage.patience, self._best_epoch
        waited = patience and best is not None and epoch - 1 - best >= patience
        return bool(waited) or epoch - self.first >= self.epochs(self.index)

    def advance(self, epoch: int) -> None:
        """Begin the next stage with this epoch of the run."""
        self.index += 1
        self._begin(epoch)

    def end(self, epoch: int) -> int:
        """Return the epoch that the run ends before, as things are at this epoch."""
        planned = self.first + self.epochs(self.index)
        later = range(self.index + 1, len(self.stages))
        return (epoch if self.finished(epoch) else planned) + sum(
            map(self.epochs, later)
        )

    def state_dict(self) -> dict[str, Any]:
        """Return which stage is under way, since when, and its best validation."""
        return {
            "index": self.index,
            "first": self.first,
            "best": self._best,
            "best_epoch": self._best_epoch,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.index, self.first = state["index"], state["first"]
        self._best, self._best_epoch = state["best"], state["best_epoch"]

    def _begin(self, epoch: int) -> None:
        self.first = epoch
        self._best, self._best_epoch = -math.inf, None
