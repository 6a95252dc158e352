"""Measures of an encoder from the distances between emotions of two domains."""

from dataclasses import dataclass

import torch
from torch import Tensor

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


def same_emotion_gap(table: Tensor, half_width: float) -> Estimate:
    """Return how much nearer the same emotion is than another one, on average.

    Args:
        table: `(k, k)` distances.
        half_width: Of its interval.

    Returns:
        Mean distance to other emotions less that to the same one; the p-value is of the
        hypothesis that no emotion is bound to one of the other domain.
    """
    value = float(gaps(table[None]))
    p = assignment_p(table, gaps)
    return Estimate(value, value - half_width, value + half_width, p)


def deviations(distances: Tensor) -> Tensor:
    """Return by how much each emotion's distance differs from the mean of all.

    Args:
        distances: `(..., k)` distances of the same emotion.
    """
    return distances - distances.mean(-1, keepdim=True)


def gaps(tables: Tensor) -> Tensor:
    """Return `same_emotion_gap` of every table, `(tables,)` of `(tables, k, k)`."""
    k = tables.shape[-1]
    same = tables.diagonal(dim1=1, dim2=2).sum(1)
    others = tables.sum((1, 2)) - same
    return others / (k * (k - 1)) - same / k


def _match_rate(tables: Tensor) -> Tensor:
    """Return the rate of nearest emotions that are the same, for every table."""
    emotions = torch.arange(tables.shape[-1])
    of_rows = (tables.argmin(2) == emotions).double().mean(1)
    of_columns = (tables.argmin(1) == emotions).double().mean(1)
    return (of_rows + of_columns) / 2
