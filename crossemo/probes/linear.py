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
from crossemo.probes.solved import TOLERANCES, Precision, SolvedProbes
from crossemo.probes.task import ProbeTask

PENALTIES = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


@dataclass(frozen=True)
class SolvedProtocol(ProbeProtocol):
    """Multinomial logistic regression, whose penalty is chosen on validation.

    Args:
        penalties: Weights of the squares to choose from, in units of the width.
        precision: What is calculated with, and how far: to within 1e-8 of the optimum
            in float64 (the last fit to 1e-10), to 1e-6 in float32.

    Raises:
        CrossEmoError: There is no penalty, or one is not above 0.
    """

    summary: ClassVar[str] = (
        "linear probes: logistic regression at its optimum, its penalty chosen on\n"
        "validation, then fitted on training and validation clips together"
    )
    grid_name: ClassVar[str] = "penalties"
    ends_matter: ClassVar[bool] = False  # UA is flat at both
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

    def variants(self, shuffles: int) -> list[Variant]:
        """Return one for the true labels, and one for each shuffle."""
        return [(None, None), *((None, n) for n in range(shuffles))]

    def probes(self, task: ProbeTask, values: Tensor) -> "SolvedProbes":
        """Return probes of a view that aren't solved yet."""
        return SolvedProbes(task, values.shape[1], self.penalties, self.precision)

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
        if counts["missed"]:
            exacter = ", or give model.precision float64"
            yield (
                f"{counts['missed']} of {counts['problems']} regressions ended up to "
                f"{counts['farthest']:.2g} times as far above their optimum as the "
                "tolerance: leave out the smallest of model.penalties"
                f"{exacter if self.precision == 'float32' else ''}."
            )

    def describe(self, probes: Sequence[Probes]) -> dict[str, Any]:
        """Return how many problems there were, and how many missed the tolerance."""
        solved = [one for one in probes if isinstance(one, SolvedProbes)]
        return super().describe(probes) | {
            "tolerances": TOLERANCES[self.precision],
            "problems": sum(one.problems for one in solved),
            "missed": sum(one.missed for one in solved),
            "farthest": max(one.farthest for one in solved),
        }
