"""How far clips lie from others, and how far those of a new group may lie."""

from collections.abc import Sequence
from math import ceil, nan
from typing import NamedTuple

import torch
from torch import Tensor

from crossemo.metrics.student import student_t

PARTS = 10  # into which groups are dealt, to be left out one after the other


class Reference(NamedTuple):
    """What clips are compared with: their mean and what makes their spread even.

    Args:
        mean: `(width,)`.
        whitening: `(width, width)`, the inverse of the covariance's Cholesky factor.
    """

    mean: Tensor
    whitening: Tensor

    def distances(self, values: Tensor) -> Tensor:
        """Return Mahalanobis distances over the root of the width, `(clips,)`.

        So they are about 1 for the clips of the reference, however wide these are.

        Args:
            values: `(clips, width)`.
        """
        apart = values.double() - self.mean.double()
        return (apart @ self.whitening.double().mT).square().mean(-1).sqrt()


def reference_of(values: Tensor) -> Reference:
    """Return the reference of clips, by the covariance of `shrunk_covariance`.

    Args:
        values: `(clips, width)`.
    """
    values = values.double()
    covariance = shrunk_covariance(values)
    # Where nothing varies, but for the rounding of single precision.
    rounding = 1e-10 * values.square().mean()
    floor = 1e-6 * covariance.diagonal().mean() + rounding + 1e-12
    covariance.diagonal().add_(floor)
    factor = torch.linalg.cholesky(covariance)
    one = torch.eye(len(factor), dtype=factor.dtype)
    whitening = torch.linalg.solve_triangular(factor, one, upper=False)
    return Reference(values.mean(0), whitening)


def shrunk_covariance(values: Tensor) -> Tensor:
    r"""Return the covariance, shrunk towards a multiple of the identity.

    $(1 - \delta) S + \delta \frac{\mathrm{tr} S}{p} I$ with the $\delta$ that Ledoit
    and Wolf (2004) show to be the best for many clips, so that it has an inverse
    however few clips there are.

    Args:
        values: `(clips, width)` float64.

    Returns:
        `(width, width)`.
    """
    clips, width = values.shape
    centred = values - values.mean(0)
    covariance = centred.mT @ centred / clips
    mean = covariance.diagonal().mean()
    target = mean * torch.eye(width, dtype=values.dtype)
    spread = (covariance - target).square().sum()
    fourth = centred.square().sum(1).square().sum() / clips
    noise = (fourth - covariance.square().sum()) / clips
    shrinkage = (noise / spread).clamp(0, 1).nan_to_num(0)
    return (1 - shrinkage) * covariance + shrinkage * target


def distances_left_out(values: Tensor, groups: Sequence[str]) -> Tensor:
    """Return the distance of each clip from those of other groups, `(clips,)`.

    Groups are dealt into `PARTS` parts at most, in the order of their names; the
    reference of a part's clips is that of all others.

    Args:
        values: `(clips, width)`.
        groups: Group of each clip; two at least.
    """
    numbers = {name: place % PARTS for place, name in enumerate(sorted(set(groups)))}
    parts = torch.tensor([numbers[name] for name in groups])
    distances = values.new_empty(len(values), dtype=torch.float64)
    for part in range(max(numbers.values()) + 1):
        out = parts == part
        distances[out] = reference_of(values[~out]).distances(values[out])
    return distances


def limits_of_new(
    values: Tensor, groups: Sequence[str], share: float
) -> tuple[float, float]:
    r"""Return limits beyond which a share of the clips of new groups lie.

    Groups differ from one another and clips within them. With the variances
    $\sigma_b^2$ and $\sigma_w^2$ of one-way analysis of variance, g groups of $n_i$ of
    n clips, a clip of a new group lies within

    $$ \bar x \pm t \sqrt{\sigma_b^2 (1 + \sum_i n_i^2 / n^2) +
    \sigma_w^2 (1 + 1 / n)} $$

    where t is Student's at Satterthwaite's degrees of freedom: few with few groups that
    differ much. Where more than that share of the clips lie beyond, as tails are
    longer than the normal ones, the limits are those clips' own.

    Args:
        values: `(clips,)`.
        groups: Group of each clip; two at least.
        share: The share beyond both limits together, half of it beyond each.

    Returns:
        The lower and the upper limit.
    """
    values = values.double()
    spread, freedom = _spread_of_new(values, groups)
    reach = student_t(1 - share, freedom) * spread if spread else 0.0
    low, high = float(values.mean()) - reach, float(values.mean()) + reach
    ordered = values.sort().values
    beyond = len(values) - ceil((len(values) + 1) * (1 - share / 2))
    if beyond >= 0:
        low = min(low, float(ordered[beyond]))
        high = max(high, float(ordered[-1 - beyond]))
    return low, high


def _spread_of_new(values: Tensor, groups: Sequence[str]) -> tuple[float, float]:
    """Return the standard deviation of a new group's clip, and degrees of freedom."""
    clips, names = len(values), {name: n for n, name in enumerate(sorted(set(groups)))}
    number = torch.tensor([names[name] for name in groups])
    sizes = number.bincount().double()
    means = values.new_zeros(len(sizes)).index_add(0, number, values) / sizes
    count = len(sizes)
    between = float((sizes * (means - values.mean()).square()).sum()) / (count - 1)
    alone = clips - count
    within = float((values - means[number]).square().sum()) / alone if alone else nan
    heavy = float(sizes.square().sum()) / clips**2
    size = (clips - clips * heavy) / (count - 1)  # 1 where each group has one clip
    if not alone or between <= within:
        total = float(values.var()) * (1 + 1 / clips)
        return total**0.5, clips - 1
    first = (1 + heavy) / size * between
    second = max(0.0, 1 + 1 / clips - (1 + heavy) / size) * within
    total = first + second
    freedom = total**2 / (first**2 / (count - 1) + second**2 / alone)
    return total**0.5, freedom
