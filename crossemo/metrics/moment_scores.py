"""Scores of values by the sums of their moments, see `crossemo.metrics.agreement`."""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf, nan

from torch import Tensor

from crossemo.metrics.agreement import agreement
from crossemo.metrics.measure import Measure
from crossemo.metrics.names import AGREEMENT


def moment_measures(outputs: Sequence[str]) -> dict[str, Measure]:
    """Return the scores that `value_scores` has, by the same names.

    They take sums `(..., outputs, 6)`.

    Args:
        outputs: Names of the outputs in order.
    """
    measures = {AGREEMENT: Measure(_mean_agreement, -1)}
    for place, output in enumerate(outputs):
        alone = {
            AGREEMENT: Measure(agreement, -1),
            "RMSE": Measure(error, 0, inf),
            "Pearson": Measure(correlation, -1),
            "R2": Measure(determination, -inf),
        }
        for name, (score, *ends) in alone.items():
            of_one = partial(_of_output, score=score, place=place)
            measures[f"{name}/{output}"] = Measure(of_one, *ends)
    return measures


def error(sums: Tensor) -> Tensor:
    """Return the root of the mean squared error, `(...)` of `(..., 6)`."""
    n, _, _, xx, yy, xy = sums.unbind(-1)
    return ((xx + yy - 2 * xy).clamp_min(0) / n).sqrt()


def correlation(sums: Tensor) -> Tensor:
    """Return Pearson's correlation, NaN where predictions or targets don't differ."""
    n, x, y, xx, yy, xy = sums.unbind(-1)
    spreads = _spread(n, x, xx) * _spread(n, y, yy)
    return (xy - x * y / n) / spreads.sqrt().where(spreads > 0, nan)


def determination(sums: Tensor) -> Tensor:
    """Return R², NaN where targets don't differ."""
    n, _, y, xx, yy, xy = sums.unbind(-1)
    spread = _spread(n, y, yy)
    return 1 - (xx + yy - 2 * xy) / spread.where(spread > 0, nan)


def _spread(n: Tensor, total: Tensor, squares: Tensor) -> Tensor:
    """Return the sum of squares about the mean, 0 where it is rounding."""
    spread = squares - total * total / n
    return spread.where(spread > 1e-12 * squares, 0)


def _mean_agreement(sums: Tensor) -> Tensor:
    return agreement(_where_clips(sums)).mean(-1)


def _of_output(sums: Tensor, score: Callable[[Tensor], Tensor], place: int) -> Tensor:
    return score(_where_clips(sums[..., place, :]))


def _where_clips(sums: Tensor) -> Tensor:
    """Return NaN where there is no clip, and rounding may have left something."""
    return sums.where(sums[..., :1] > 0, nan)
