"""Multinomial logistic regression, solved: many problems on the same clips at once."""

from typing import NamedTuple

import torch
from torch import Tensor

MAX_STEPS = 2000
_METRIC_AT = (0, 2, 5)  # steps at which the curvature is estimated, and every tenth
_MAX_SEARCHES = 20


class Solution(NamedTuple):
    """Solved problems.

    Args:
        weight: `(problems, classes, width)`.
        bias: `(problems, classes)`.
        gap: `(problems,)` bound on how far the objective is above its least value.
        steps: `(problems,)` steps that were taken.
    """

    weight: Tensor
    bias: Tensor
    gap: Tensor
    steps: Tensor


def solve_logistic(
    clips: Tensor,
    moments: Tensor,
    targets: Tensor,
    shares: Tensor,
    penalties: Tensor,
    classes: int,
    tolerance: float,
    max_steps: int = MAX_STEPS,
) -> Solution:
    r"""Solve multinomial logistic regressions on the same clips, all at once.

    Each problem is the least of

    $$ F(W, b) = \sum_i s_i \, \mathrm{CE}(y_i, W z_i + b) + \tfrac{\lambda}{2} |W|^2 $$

    with a free intercept b. The method is non-linear conjugate gradients (Hestenes &
    Stiefel, 1952, restarted where a direction doesn't descend) from zero with an exact
    step. Clips lie along the axes of their second moments e, so that $ce + \lambda$,
    with the mean curvature c of the soft-max, is nearly the Hessian: gradients are
    divided by it. A step costs one product of the clips with the direction and one
    with the residuals. The search for its length needs none, as scores are linear in
    it: it is Newton's in one dimension, inside a bracket.

    A problem ends when

    $$ \frac{|\nabla_W F|^2}{2\lambda} + \frac{|\nabla_b F|^2}{2c} \le tolerance $$

    whose first term bounds the distance of F from its least value for the intercept at
    hand, as F is $\lambda$-strongly convex in W. No decision depends on another
    problem.

    Args:
        clips: `(clips, width)` z, along the axes of `Eigenbasis`.
        moments: `(width,)` e, the mean square along each axis.
        targets: `(problems, clips)` classes y.
        shares: `(problems, clips)` weights s, which sum to 1; all classes must have
            some, or their intercepts have no optimum.
        penalties: `(problems,)` $\lambda$, above 0.
        classes: Number of classes.
        tolerance: Gap at which a problem is solved.
        max_steps: Steps after which a problem is left as it is.
    """
    state = _Problems(clips, moments, targets, shares, penalties, classes)
    count = len(targets)
    solution = Solution(
        clips.new_zeros(count, classes, clips.shape[1]),
        clips.new_zeros(count, classes),
        clips.new_zeros(count),
        torch.zeros(count, dtype=torch.long, device=clips.device),
    )
    place = torch.arange(count, device=clips.device)
    under_way = torch.ones_like(place, dtype=torch.bool)
    for step in range(max_steps + 1):
        if step in _METRIC_AT or step % 10 == 0:
            state.measure()
        gap = state.gap()
        end = under_way & ((gap <= tolerance) | (step == max_steps))
        if end.any():
            solution.weight[place[end]] = state.weight[end]
            solution.bias[place[end]] = state.bias[end]
            solution.gap[place[end]] = gap[end]
            solution.steps[place[end]] = step
            under_way &= ~end
        if not under_way.any():
            break
        if step % 10 == 0 or under_way.double().mean() < 0.8:
            state.keep(under_way)  # the others are computed no longer
            place, under_way = place[under_way], under_way[under_way]
        state.turn()
        state.move()
    return solution


class _Problems:
    """Problems under way, one along the first axis of each tensor."""

    def __init__(
        self,
        clips: Tensor,
        moments: Tensor,
        targets: Tensor,
        shares: Tensor,
        penalties: Tensor,
        classes: int,
    ) -> None:
        count, width = len(targets), clips.shape[1]
        self.clips, self.moments = clips, moments
        self.targets = targets[:, None]
        self.shares = shares[:, None].to(clips)
        self.penalty = penalties.to(clips)[:, None, None]
        self.weight = clips.new_zeros(count, classes, width)
        self.bias = clips.new_zeros(count, classes)
        self.logits = clips.new_zeros(count, classes, len(clips))
        self.direction = torch.zeros_like(self.weight)
        self.bias_direction = torch.zeros_like(self.bias)
        self.gradient = torch.zeros_like(self.weight)
        self.bias_gradient = torch.zeros_like(self.bias)
        self.before = torch.zeros_like(self.weight)
        self.bias_before = torch.zeros_like(self.bias)
        self.curvature = clips.new_full((count, 1, 1), 1 / classes)
        self.chances = self.logits.softmax(1)
        self.slope()

    def keep(self, these: Tensor) -> None:
        """Go on with some problems."""
        for name, value in vars(self).items():
            if name not in ("clips", "moments"):
                setattr(self, name, value[these])

    def slope(self) -> None:
        """Calculate the gradients."""
        residual = self.chances * self.shares
        residual.scatter_add_(1, self.targets, -self.shares)
        self.before, self.gradient = self.gradient, self.before
        self.bias_before = self.bias_gradient
        gradient = self.gradient.flatten(0, 1)
        torch.mm(residual.flatten(0, 1), self.clips, out=gradient)
        self.gradient.addcmul_(self.weight, self.penalty)
        self.bias_gradient = residual.sum(-1)

    def measure(self) -> None:
        """Estimate the mean curvature of the soft-max."""
        classes = self.weight.shape[1]
        spread = (1 - self.chances.square().sum(1, keepdim=True)) * self.shares
        # 0 where float32 is certain of every clip
        least = torch.finfo(spread.dtype).tiny ** 0.5
        self.curvature = (spread.sum(-1, keepdim=True) / (classes - 1)).clamp(min=least)

    def gap(self) -> Tensor:
        """Return how far each is above its least value at most, `(problems,)`."""
        of_weights = _product(self.gradient, self.gradient) / self.penalty[:, 0, 0]
        of_biases = self.bias_gradient.square().sum(1) / self.curvature[:, 0, 0]
        return (of_weights + of_biases) / 2

    def turn(self) -> None:
        """Choose the next direction."""
        metric = torch.reciprocal(self.curvature * self.moments + self.penalty)
        step = self.gradient * metric
        bias_step = self.bias_gradient / self.curvature[:, 0]
        change = torch.sub(self.gradient, self.before, out=self.before)
        bias_change = self.bias_gradient - self.bias_before
        above = _product(step, change) + (bias_step * bias_change).sum(1)
        below = _product(self.direction, change)
        below += (self.bias_direction * bias_change).sum(1)
        beta = (above / below).nan_to_num(0, 0, 0).clamp(min=0)
        self.direction.mul_(beta[:, None, None]).sub_(step)
        self.bias_direction.mul_(beta[:, None]).sub_(bias_step)
        self.fall = self._fall()
        if (up := self.fall >= 0).any():
            self.direction[up] = -step[up]
            self.bias_direction[up] = -bias_step[up]
            self.fall = self._fall()

    def _fall(self) -> Tensor:
        along = _product(self.direction, self.gradient)
        return along + (self.bias_direction * self.bias_gradient).sum(1)

    def move(self) -> None:
        """Go along the direction as far as it is best."""
        change = (self.direction.flatten(0, 1) @ self.clips.T).view_as(self.logits)
        change += self.bias_direction[..., None]
        length = self._length(change)[:, None, None]
        self.weight.addcmul_(self.direction, length)
        self.bias.addcmul_(self.bias_direction, length[..., 0])
        self.slope()

    def _length(self, change: Tensor) -> Tensor:
        """Return how far to go, and bring logits and chances there.

        Args:
            change: `(problems, classes, clips)` of the logits along the direction.
        """
        penalty = self.penalty[:, 0, 0]
        square = penalty * _product(self.direction, self.direction)
        inner = penalty * _product(self.weight, self.direction)
        shares = self.shares[:, 0]
        labelled = (change.gather(1, self.targets)[:, 0] * shares).sum(1)
        low, high = torch.zeros_like(self.fall), torch.full_like(self.fall, torch.inf)
        length, slope = low, self.fall
        near = torch.zeros_like(low, dtype=torch.bool)
        logits, chances = self.logits, self.chances
        weighted = chances * change
        for _ in range(_MAX_SEARCHES):
            mean = weighted.sum(1)
            spread = weighted.mul_(change).sum(1).addcmul_(mean, mean, value=-1)
            newton = length - slope / ((spread * shares).sum(1) + square)
            middle = torch.where(high.isinf(), 2 * low, (low + high) / 2)
            inside = (newton > low) & (newton < high)
            length = torch.where(near, length, torch.where(inside, newton, middle))
            logits = torch.addcmul(self.logits, change, length[:, None, None])
            chances = logits.softmax(1)
            weighted = chances * change
            slope = (weighted.sum(1) * shares).sum(1) - labelled
            slope += inner + length * square
            near = slope.abs() <= 0.1 * self.fall.abs()
            if near.all():
                break
            low = torch.where(slope < 0, length, low)
            high = torch.where(slope > 0, length, high)
        self.logits, self.chances = logits, chances
        return length


def _product(one: Tensor, other: Tensor) -> Tensor:
    """Return the inner products of problems, `(problems,)`."""
    products: Tensor = torch.linalg.vecdot(one.flatten(1), other.flatten(1))
    return products
