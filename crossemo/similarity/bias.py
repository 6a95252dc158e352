"""Measures of an encoder from the distances between emotions of two domains."""

from dataclasses import dataclass

import torch
from torch import Tensor

from crossemo.metrics.jackknife import jackknife_interval, jackknife_variance
from crossemo.metrics.permutation import assignment_p


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Args:
        value: The estimate.
        low: Lower end of its interval; NaN where there is none.
        high: Upper end.
        p: p-value of the hypothesis named by the function; NaN where there is none.
    """

    value: float
    low: float = torch.nan
    high: float = torch.nan
    p: float = torch.nan


def emotion_bias(same: Tensor, replicates: Tensor, level: float = 0.95) -> Estimate:
    r"""Return how unequal the distances between domains are over the emotions.

    $$ B = \sqrt{\max(0, V)}, \qquad
       V = \tfrac{1}{k - 1} \sum_e (D_e - \bar D)^2
         - \tfrac{1}{k - 1} \sum_e \operatorname{var}(D_e - \bar D) $$

    $D_e$ is the distance between speech and music of emotion e, above chance and in
    units of the layer's mean trace, so that layers and encoders compare. The first sum
    grows with the noise of the distances; the second, of jackknife variances, takes
    that off. B is the standard deviation over emotions without that noise: 0 where the
    encoder brings all emotions of the two domains equally near. The interval is the
    square root of V's; it begins at 0 where no bias is shown.

    Args:
        same: `(k,)` distances of the same emotion, k ≥ 2.
        replicates: `(blocks, k)`, see `crossemo.metrics.jackknife`.
        level: Share of intervals that hold the truth.

    Returns:
        The estimate; NaN with fewer than two blocks, which give no noise.

    >>> same = torch.tensor([1.0, 3.0])
    >>> emotion_bias(same, same.expand(4, 2)).value  # without noise: √2
    1.4142135381698608
    """
    if len(replicates) < 2:
        return Estimate(torch.nan)
    spread = same.var()
    noise = jackknife_variance(_deviations(replicates)).sum() / (len(same) - 1)
    excess = spread - noise
    ends = jackknife_interval(excess, replicates.var(1), level)
    roots = torch.stack((excess, *ends)).clamp(min=0).sqrt()  # NaN stays NaN
    return Estimate(*roots.tolist())


def emotion_deviations(
    same: Tensor, replicates: Tensor, level: float = 0.95
) -> list[Estimate]:
    """Return by how much each emotion's distance differs from the mean of all.

    Args:
        same: `(k,)`.
        replicates: `(blocks, k)`.
        level: Share of intervals that hold the truth.

    Returns:
        An estimate for every emotion; below 0 where the domains are nearer than usual.
    """
    value = _deviations(same)
    low, high = jackknife_interval(value, _deviations(replicates), level)
    ends = zip(value.tolist(), low.tolist(), high.tolist(), strict=True)
    return [Estimate(*one) for one in ends]


def nearest_emotion(table: Tensor) -> Estimate:
    """Return how often the nearest emotion of the other domain is the same one.

    It is the mean rate over the emotions of x, whose nearest is of y, and those of y,
    whose nearest is of x. Chance is one in k. The p-value is of the hypothesis that no
    emotion is bound to one of the other domain, by `assignment_p`.

    Args:
        table: `(k, k)` distances.
    """
    if table.isnan().any():
        return Estimate(torch.nan)
    rate = float(_match_rate(table[None]))
    return Estimate(rate, p=assignment_p(table, _match_rate))


def same_emotion_gap(
    table: Tensor, replicates: Tensor, level: float = 0.95
) -> Estimate:
    """Return how much nearer the same emotion is than another one, on average.

    Args:
        table: `(k, k)` distances.
        replicates: `(blocks, k, k)`.
        level: Share of intervals that hold the truth.

    Returns:
        Mean distance to other emotions less that to the same one; the p-value is of the
        hypothesis that no emotion is bound to one of the other domain.
    """
    value = _gap(table[None])
    low, high = jackknife_interval(value, _gap(replicates)[:, None], level)
    return Estimate(float(value), float(low), float(high), assignment_p(table, _gap))


def _deviations(distances: Tensor) -> Tensor:
    return distances - distances.mean(-1, keepdim=True)


def _match_rate(tables: Tensor) -> Tensor:
    """Return the rate of nearest emotions that are the same, for every table."""
    emotions = torch.arange(tables.shape[-1])
    of_rows = (tables.argmin(2) == emotions).double().mean(1)
    of_columns = (tables.argmin(1) == emotions).double().mean(1)
    return (of_rows + of_columns) / 2


def _gap(tables: Tensor) -> Tensor:
    k = tables.shape[-1]
    same = tables.diagonal(dim1=1, dim2=2).sum(1)
    others = tables.sum((1, 2)) - same
    return others / (k * (k - 1)) - same / k
