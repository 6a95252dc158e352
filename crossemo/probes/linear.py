"""The protocol of linear probes: solved, for every penalty, and fitted once more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar

from torch import Tensor
from torch.optim import SGD, Optimizer

from crossemo.errors import CrossEmoError
from crossemo.probes.base import ProbeProtocol, Probes, Variant
from crossemo.probes.clips import TRAIN, VAL
from crossemo.probes.solved import SolvedProbes
from crossemo.probes.solved_classes import TOLERANCES, LogisticProbes, Precision
from crossemo.probes.solved_values import RidgeProbes
from crossemo.probes.task import ProbeTask
from crossemo.tasks import Task
from crossemo.tasks.base import Family

_SUMMARIES: dict[Family, str] = {
    "categorical": (
        "linear probes: logistic regression at its optimum, its penalty chosen on\n"
        "validation, then fitted on training and validation clips together"
    ),
    "gaussian": (
        "linear probes: ridge regression, each value's penalty chosen on training\n"
        "clips without their unit, then fitted on training and validation clips"
    ),
}
PENALTIES = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


@dataclass(frozen=True)
class SolvedProtocol(ProbeProtocol):
    """Logistic regression of classes, or ridge regression of values.

    Args:
        penalties: Weights of the squares to choose from, in units of the width.
        precision: What logistic regression is calculated with, and how far: to within
            1e-8 of the optimum in float64 (the last fit to 1e-10), to 1e-6 in float32.

    Raises:
        CrossEmoError: There is no penalty, or one is not above 0.
    """

    grid_name: ClassVar[str] = "penalties"
    fitted: ClassVar[tuple[int, ...]] = (TRAIN, VAL)
    checkpoint_every: ClassVar[int] = 1

    penalties: tuple[float, ...] = PENALTIES
    precision: Precision = "float64"

    def __post_init__(self) -> None:
        fit = all(isfinite(penalty) and penalty > 0 for penalty in self.penalties)
        if not (self.penalties and fit):
            raise CrossEmoError(
                f"model.penalties are {list(self.penalties)}: give one or more numbers "
                "above 0, as without any there may be no optimum."
            )

    def summary(self, task: Task) -> str:
        """Return what they are.

        Raises:
            CrossEmoError: There is a precision to a closed form.
        """
        if task.family == "gaussian" and self.precision != "float64":
            raise CrossEmoError(
                f"model.precision is {self.precision}, and ridge regression of "
                f"{' and '.join(task.outputs)} is always of float64: leave it out."
            )
        return _SUMMARIES[task.family]

    def ends_matter(self, task: Task) -> bool:
        """Return whether they do: UA is flat at both ends, and CCC is not."""
        return task.family == "gaussian"

    def variants(self, shuffles: int) -> list[Variant]:
        """Return one for the true targets, and one for each shuffle."""
        return [(None, None), *((None, n) for n in range(shuffles))]

    def probes(self, task: ProbeTask, values: Tensor) -> SolvedProbes:
        """Return probes of a view that aren't solved yet."""
        width = values.shape[1]
        if task.learnable.family == "gaussian":
            return RidgeProbes(task, width, self.penalties)
        return LogisticProbes(task, width, self.penalties, self.precision)

    def optimizer(self, probes: Sequence[Probes]) -> Optimizer:
        """Return one that does nothing: Lightning counts its steps."""
        return SGD([p for one in probes for p in one.parameters()])

    def due(self, probes: Sequence[Probes]) -> list[int]:
        """Return the first view that isn't solved."""
        return [n for n, one in enumerate(probes) if one.unfinished()][:1]

    def epochs(self, probes: int) -> int:
        """Return one for each view."""
        return probes

    def warnings(self, probes: Sequence[Probes]) -> Iterator[str]:
        """Yield how many problems have missed the tolerance."""
        counts = self.describe(probes)
        if counts.get("missed"):
            exacter = ", or give model.precision float64"
            yield (
                f"{counts['missed']} of {counts['problems']} regressions ended up to "
                f"{counts['farthest']:.2g} times as far above their optimum as the "
                "tolerance: leave out the smallest of model.penalties"
                f"{exacter if self.precision == 'float32' else ''}."
            )

    def describe(self, probes: Sequence[Probes]) -> dict[str, Any]:
        """Return how many problems there were, and how many missed a tolerance."""
        solved = [one for one in probes if isinstance(one, SolvedProbes)]
        problems = {"problems": sum(one.problems for one in solved)}
        iterated = [one for one in solved if isinstance(one, LogisticProbes)]
        exactness = {
            "tolerances": TOLERANCES[self.precision],
            "missed": sum(one.missed for one in iterated),
            "farthest": max((one.farthest for one in iterated), default=0.0),
        }
        return super().describe(probes) | problems | (exactness if iterated else {})
