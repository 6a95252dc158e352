"""Linear probes that are solved: logistic regression to its optimum."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from crossemo.probes.base import Chosen, Probes
from crossemo.probes.clips import class_shares
from crossemo.probes.eigenbasis import Eigenbasis, eigenbasis
from crossemo.probes.logistic import Solution, solve_logistic
from crossemo.probes.task import ProbeTask, scale_of

Precision = Literal["float64", "float32"]
# Gaps at which a fit to choose from and the last fit are solved.
TOLERANCES: dict[Precision, tuple[float, float]] = {
    "float64": (1e-8, 1e-10),
    "float32": (1e-6, 1e-6),
}


class SolvedProbes(Probes):
    """Linear probes of one view, of all folds and variants, solved in one epoch.

    A fold's clips are standardised by its training clips, and all penalties and
    variants are solved together. That of the highest validation UA is chosen; of
    several, that of the least loss, and then the largest. With it the probe is fitted
    anew on training and validation clips together, standardised by them.

    The maps are no parameters: they stay float64 and on the CPU, whatever the trainer
    does with its model.

    Args:
        task: What is learnt.
        width: Features of a clip.
        penalties: Penalties to choose from, in units of the width.
        precision: What is calculated with.

    Attributes:
        maps: Weights `(folds, variants, classes, width)` and biases
            `(folds, variants, classes)`.
        recall: `(folds, variants)` validation UA before the last fit.
        choice: `(folds, variants)` penalties.
        missed: How many problems missed the tolerance.
        farthest: The largest gap of a problem, in units of its tolerance.
    """

    def __init__(
        self,
        task: ProbeTask,
        width: int,
        penalties: Sequence[float],
        precision: Precision,
    ) -> None:
        super().__init__(task)
        self.penalties, self.precision = tuple(penalties), precision
        shape = (len(task.learnt), len(task.targets))
        sizes = (*shape, task.classes, width), (*shape, task.classes)
        self.maps = [torch.zeros(size, dtype=torch.float64) for size in sizes]
        self.recall = torch.full(shape, -1.0)
        self.choice = torch.zeros(shape, dtype=torch.float64)
        self.missed, self.farthest = 0, 0.0
        # A parameter, as DDP wraps no module without any.
        self.solved = nn.Parameter(torch.zeros(()))

    @property
    def problems(self) -> int:
        """How many regressions are solved, those of the last fits included."""
        return self.recall.numel() * (len(self.penalties) + 1)

    def unfinished(self) -> float:
        """Return 0 where all are solved, else 1."""
        return 1 - float(self.solved.detach())

    def recalls(self) -> Tensor:
        """Return the validation UA of the chosen penalties, `(folds, variants)`."""
        return self.recall

    def chosen(self) -> Chosen:
        """Return the probes, which are chosen as they are solved."""
        return Chosen(self.maps, self.recall, self.choice)

    @torch.no_grad()
    def learn(self, values: Tensor) -> None:
        """Solve the probes of all folds.

        Args:
            values: `(clips, width)` features of all clips.
        """
        task = self.task
        if values.device.type == "mps":  # which knows no float64
            values, task = values.cpu(), task.cpu()
        clips = values[task.rows].double()
        # The trainer's mixed precision is none of theirs.
        with torch.autocast(clips.device.type, enabled=False):
            for fold in range(len(task.learnt)):
                self._solve_fold(clips, task, fold)
        self.solved.fill_(1)

    def _solve_fold(self, clips: Tensor, task: ProbeTask, fold: int) -> None:
        learnt, judged = task.learnt[fold], task.judged[fold]
        recall, penalty = self._choose(clips, task, learnt, judged)
        fitted = _Fitted.of(clips, learnt | judged)
        tolerance = TOLERANCES[self.precision][1]
        grid = penalty[None]
        solution = self._solve(fitted, task, learnt | judged, grid, tolerance)
        weight = solution.weight.double() @ fitted.basis.axes.T
        self.maps[0][fold], self.maps[1][fold] = weight.cpu(), solution.bias.cpu()
        self.recall[fold], self.choice[fold] = recall.cpu(), penalty.cpu()

    def _choose(
        self, clips: Tensor, task: ProbeTask, learnt: Tensor, judged: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return validation UA and penalty of the best, `(variants,)` each."""
        penalties = torch.tensor(self.penalties).to(clips)
        targets = task.targets[:, judged]
        fitted = _Fitted.of(clips, learnt)
        grid = penalties[:, None].expand(-1, len(targets))
        tolerance = TOLERANCES[self.precision][0]
        solution = self._solve(fitted, task, learnt, grid, tolerance)
        seen = fitted.clips[judged].to(solution.weight)
        scores = solution.weight @ seen.T + solution.bias[..., None]
        scores = scores.double().view(*grid.shape, task.classes, -1)
        shares = class_shares(targets, torch.ones_like(targets).bool(), task.classes)
        labels = targets.expand(len(grid), -1, -1)
        losses = cross_entropy(
            scores.flatten(0, 1), labels.flatten(0, 1), reduction="none"
        )
        right = scores.argmax(2) == labels
        # Doubles hold sums of floats exactly, so that equal recalls are equal.
        recall = (right * shares.float().double()).sum(-1)
        loss = (losses.view_as(right) * shares).sum(-1)
        best = choose(recall, loss, penalties)
        return recall.gather(0, best[None])[0], penalties[best]

    def _solve(
        self,
        fitted: "_Fitted",
        task: ProbeTask,
        inside: Tensor,
        penalties: Tensor,
        tolerance: float,
    ) -> Solution:
        """Solve `(penalties, variants)` problems on the clips inside."""
        targets = task.targets[:, inside]
        shares = class_shares(targets, torch.ones_like(targets).bool(), task.classes)
        dtype = getattr(torch, self.precision)
        solution = solve_logistic(
            fitted.clips[inside].to(dtype),
            fitted.basis.moments.to(dtype),
            targets.repeat(len(penalties), 1),
            shares.repeat(len(penalties), 1),
            len(fitted.basis.axes) * penalties.flatten(),  # in units of the width
            task.classes,
            tolerance,
        )
        self.missed += int((~(solution.gap <= tolerance)).sum())  # NaN among them
        self.farthest = max(self.farthest, float(solution.gap.max()) / tolerance)
        return solution

    def get_extra_state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps besides parameters."""
        fields = ("maps", "recall", "choice", "missed", "farthest")
        return {name: getattr(self, name) for name in fields}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take what `get_extra_state` has returned."""
        for name, value in state.items():
            setattr(self, name, value)


class _Fitted(NamedTuple):
    """Clips as a fit sees them: standardised, along its axes."""

    clips: Tensor
    basis: Eigenbasis

    @classmethod
    def of(cls, clips: Tensor, inside: Tensor) -> "_Fitted":
        mean, inverse = scale_of(clips[None], inside[None])
        scaled = (clips - mean[0]) * inverse[0]
        basis = eigenbasis(scaled[inside])
        return cls(scaled @ basis.axes, basis)


def choose(recall: Tensor, loss: Tensor, penalties: Tensor) -> Tensor:
    """Return the number of the best penalty of each variant.

    It is that of the highest recall; of several, that of the least loss, and then the
    largest.

    Args:
        recall: `(penalties, variants)`.
        loss: `(penalties, variants)`.
        penalties: `(penalties,)`.

    >>> recall, loss = torch.tensor([[0.5], [0.7], [0.7]]), torch.ones(3, 1)
    >>> choose(recall, loss, torch.tensor([0.1, 0.2, 0.3]))
    tensor([2])
    """
    best = recall == recall.amax(0)
    loss = torch.where(best, loss, torch.inf)
    least = loss == loss.amin(0)
    return torch.where(least, penalties[:, None], -torch.inf).argmax(0)
