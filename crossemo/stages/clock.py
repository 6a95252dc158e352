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
        self.restart()

    def restart(self) -> None:
        """Go to the start of the first stage."""
        self.index, self.first = 0, 0
        self._waited, self._best = 0, -math.inf

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

    def count(self, score: float) -> None:
        """Take note of a validation, for patience."""
        better = score > self._best
        self._best = max(self._best, score)
        self._waited = 0 if better else self._waited + 1

    def finished(self, epoch: int) -> bool:
        """Return whether the stage is over when this epoch of the run begins."""
        patience = self.stage.patience
        waited = patience is not None and self._waited >= patience
        return waited or epoch - self.first >= self.epochs(self.index)

    def advance(self, epoch: int) -> None:
        """Begin the next stage with this epoch of the run."""
        self.index, self.first = self.index + 1, epoch
        self._waited, self._best = 0, -math.inf

    def end(self, epoch: int) -> int:
        """Return the epoch that the run ends before, as things are at this epoch."""
        planned = self.first + self.epochs(self.index)
        later = range(self.index + 1, len(self.stages))
        return (epoch if self.finished(epoch) else planned) + sum(
            map(self.epochs, later)
        )

    def state_dict(self) -> dict[str, Any]:
        """Return which stage is under way, since when, and how long it has waited."""
        return {
            "names": self.names,
            "index": self.index,
            "first": self.first,
            "waited": self._waited,
            "best": self._best,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned.

        Raises:
            StageError: It is that of other stages.
        """
        if state.get("names") != self.names:
            raise StageError(
                f"This run's stages are {', '.join(self.names)}, and the checkpoint's "
                f"{', '.join(state.get('names', [])) or 'none'}: go on with the stages "
                "that it was begun with."
            )
        self.index, self.first = state["index"], state["first"]
        self._waited, self._best = state["waited"], state["best"]
