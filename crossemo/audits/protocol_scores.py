"""What each protocol scores, and by how much more than crossemo's own."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from crossemo.audits.auditing import PROTOCOLS
from crossemo.metrics.intervals import MIN_GROUPS
from crossemo.metrics.jackknife import jackknife_variance
from crossemo.metrics.names import LEVEL
from crossemo.metrics.student import student_t
from crossemo.tasks import Task

Row = dict[str, Any]


class Estimate(NamedTuple):
    """A mean over repeats.

    Args:
        value: The mean.
        low: Lower end of its interval; NaN with fewer than three units.
        high: Upper end.
        sd: Standard deviation over the repeats.
        units: Units that it is of.
    """

    value: float
    low: float
    high: float
    sd: float
    units: int


def protocol_rows(sums: Tensor, task: Task) -> list[Row]:
    """Return a row for every protocol: its score, and how much higher it is.

    A score is the mean over repeats of the score of all tested clips. Differences to
    crossemo's own protocol are paired by repeats and by units.

    Args:
        sums: `(protocols, repeats, units, rows, columns)`, as from `tallies`.
        task: What is learnt.
    """
    score, low, high = task.measures()[task.headline]
    totals = sums.sum(2)
    scores = score(totals)  # (protocols, repeats)
    without = score(totals[:, :, None] - sums)  # (protocols, repeats, units)
    tested = (sums != 0).flatten(3).any(-1).any(1)  # (protocols, units)
    rows = []
    for number, protocol in enumerate(PROTOCOLS):
        one = estimated(scores[number], without[number], tested[number])
        gain = estimated(
            scores[number] - scores[0],
            without[number] - without[0],
            tested[number] | tested[0],
        )
        rows.append(
            {
                "protocol": protocol,
                "score": task.headline,
                "value": one.value,
                "low": max(one.low, low),
                "high": min(one.high, high),
                "repeat_sd": one.sd,
                "difference": gain.value,
                "difference_low": gain.low,
                "difference_high": gain.high,
                "difference_repeat_sd": gain.sd,
                "repeats": scores.shape[1],
                "units": one.units,
            }
        )
    return rows


def estimated(scores: Tensor, without: Tensor, tested: Tensor) -> Estimate:
    r"""Return the mean over repeats with its interval.

    The interval is $\bar s \pm t \sqrt{v + d^2 / r}$ with the variance v of the
    jackknife over units, the standard deviation d over the r repeats, and Student's t
    at one degree of freedom less than there are units.

    Args:
        scores: `(repeats,)`.
        without: `(repeats, units)` the scores without each unit.
        tested: `(units,)` bool, which units have tested clips.
    """
    units, mean, sd = int(tested.sum()), scores.mean(), scores.std()
    half = torch.tensor(torch.nan)
    if units >= MIN_GROUPS:
        variance = jackknife_variance(without[:, tested].mean(0))
        half = student_t(LEVEL, units - 1) * (variance + sd**2 / len(scores)).sqrt()
    ends = float(mean - half), float(mean + half)
    return Estimate(float(mean), *ends, float(sd), units)
