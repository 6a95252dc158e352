"""Linear probes of classes: logistic regression to its optimum."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from crossemo.probes.clips import class_shares
from crossemo.probes.logistic import Solution, solve_logistic
from crossemo.probes.solved import SolvedProbes, Standardised
from crossemo.probes.task import ProbeTask

Precision = Literal["float64", "float32"]
# Gaps at which a fit to choose from and the last fit are solved.
TOLERANCES: dict[Precision, tuple[float, float]] = {
    "float64": (1e-8, 1e-10),
    "float32": (1e-6, 1e-6),
}


class LogisticProbes(SolvedProbes):
    """Logistic regressions, each with the penalty of the highest UA on validation.

    Of several such penalties it is that of the least loss, and then the largest.

    Args:
        task: What is learnt.
        width: Features of a clip.
        penalties: Penalties to choose from, in units of the width.
        precision: What is calculated with.

    Attributes:
        missed: How many problems missed the tolerance.
        farthest: The largest gap of a problem, in units of its tolerance.
    """

    state: ClassVar[tuple[str, ...]] = (*SolvedProbes.state, "missed", "farthest")

    def __init__(
        self,
        task: ProbeTask,
        width: int,
        penalties: Sequence[float],
        precision: Precision,
    ) -> None:
        super().__init__(task, width, penalties)
        self.precision = precision
        self.missed, self.farthest = 0, 0.0

    def choose(
        self, clips: Standardised, task: ProbeTask, judged: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return validation UA and penalty of the best, `(variants,)` each."""
        penalties = torch.tensor(self.penalties).to(clips.clips)
        targets = task.targets[:, judged]
        grid = penalties[:, None].expand(-1, len(targets))
        solution = self._solve(clips, task, grid, TOLERANCES[self.precision][0])
        seen = clips.clips[judged].to(solution.weight)
        scores = solution.weight @ seen.T + solution.bias[..., None]
        scores = scores.double().view(*grid.shape, task.outputs, -1)
        shares = class_shares(targets, torch.ones_like(targets).bool(), task.outputs)
        labels = targets.expand(len(grid), -1, -1)
        losses = cross_entropy(
            scores.flatten(0, 1), labels.flatten(0, 1), reduction="none"
        )
        right = scores.argmax(2) == labels
        # Doubles hold sums of floats exactly, so that equal recalls are equal.
        recall = (right * shares.float().double()).sum(-1)
        loss = (losses.view_as(right) * shares).sum(-1)
        best = best_penalty(recall, loss, penalties)
        return recall.gather(0, best[None])[0], penalties[best]

    def fit(
        self, clips: Standardised, task: ProbeTask, penalty: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return weights and biases at the penalty of each variant."""
        tolerance = TOLERANCES[self.precision][1]
        solution = self._solve(clips, task, penalty[None], tolerance)
        return solution.weight.double(), solution.bias.double()

    def _solve(
        self, clips: Standardised, task: ProbeTask, penalties: Tensor, tolerance: float
    ) -> Solution:
        """Solve `(penalties, variants)` problems on the clips inside."""
        targets = task.targets[:, clips.inside]
        shares = class_shares(targets, torch.ones_like(targets).bool(), task.outputs)
        dtype = getattr(torch, self.precision)
        solution = solve_logistic(
            clips.fitted.to(dtype),
            clips.basis.moments.to(dtype),
            targets.repeat(len(penalties), 1),
            shares.repeat(len(penalties), 1),
            clips.width * penalties.flatten(),
            task.outputs,
            tolerance,
        )
        self.missed += int((~(solution.gap <= tolerance)).sum())  # NaN among them
        self.farthest = max(self.farthest, float(solution.gap.max()) / tolerance)
        return solution


def best_penalty(recall: Tensor, loss: Tensor, penalties: Tensor) -> Tensor:
    """Return the number of the best penalty of each variant.

    It is that of the highest recall; of several, that of the least loss, and then the
    largest.

    Args:
        recall: `(penalties, variants)`.
        loss: `(penalties, variants)`.
        penalties: `(penalties,)`.

    >>> recall, loss = torch.tensor([[0.5], [0.7], [0.7]]), torch.ones(3, 1)
    >>> best_penalty(recall, loss, torch.tensor([0.1, 0.2, 0.3]))
    tensor([2])
    """
    best = recall == recall.amax(0)
    loss = torch.where(best, loss, torch.inf)
    least = loss == loss.amin(0)
    return torch.where(least, penalties[:, None], -torch.inf).argmax(0)
