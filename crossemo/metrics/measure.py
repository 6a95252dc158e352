"""Scores as functions of sums over clips, which are added up over groups and folds."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Measure(NamedTuple):
    """A score of clips by their sums: confusion counts, or moments of values.

    Args:
        score: Sums `(..., rows, columns)` to `(...)`, NaN where there is no clip.
        low: The least that it can be.
        high: The most that it can be.
    """

    score: Callable[[Tensor], Tensor]
    low: float = 0.0
    high: float = 1.0
