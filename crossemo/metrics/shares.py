"""Intervals of the share of clips that something is true of."""

from collections.abc import Sequence

import torch
from torch import Tensor

from crossemo.metrics.intervals import MIN_GROUPS, Interval
from crossemo.metrics.jackknife import jackknife_variance
from crossemo.metrics.names import LEVEL
from crossemo.metrics.student import student_t


def share_interval(
    hits: Tensor,
    groups: Sequence[str],
    level: float = LEVEL,
    clips: int | None = None,
) -> Interval:
    r"""Return the interval of a share of the clips of new groups.

    The exact interval of a binomial share (Clopper & Pearson, 1934), where n clips
    count as (Korn & Graubard, 1998)

    $$ \frac{s (1 - s)}{v} \left( \frac{t_{n - 1}}{t_{g - 1}} \right)^2 $$

    at the share s, its jackknife variance v over the g groups and Student's t: as
    many as would wander as far by their own luck, and n at the most. Where s is 0 or 1,
    nothing tells how unequal groups are, and each counts as one clip.

    With fewer than `MIN_GROUPS` groups, all clips count, and the interval holds for
    these very groups only.

    Args:
        hits: `(clips,)` bool.
        groups: Group of each clip.
        level: Share of intervals that hold the truth.
        clips: Number n of different clips, where some are judged several times; each
            is another one by default.

    >>> one = share_interval(torch.tensor([False] * 30), ["a"] * 30)
    >>> round(one.low, 3), round(one.high, 3)  # 1 - 0.025 ** (1 / 30)
    (0.0, 0.116)
    """
    hits = hits.double().cpu()
    share, names = float(hits.mean()), sorted(set(groups))
    clips = clips or len(hits)
    if len(names) < MIN_GROUPS:
        return Interval(*_ends(share, clips, level), "clip", clips, "beta")
    places = {name: place for place, name in enumerate(names)}
    number = torch.tensor([places[name] for name in groups])
    sizes = number.bincount().double()
    sums = sizes.new_zeros(len(names)).index_add(0, number, hits)
    without = (hits.sum() - sums) / (len(hits) - sizes)
    variance = float(jackknife_variance(without))
    count = float(len(names))
    if 0 < share < 1:
        ratio = student_t(level, clips - 1) / student_t(level, len(names) - 1)
        count = clips * ratio**2
        if variance:
            count = min(count, share * (1 - share) / variance * ratio**2)
    return Interval(*_ends(share, count, level), "group", len(names), "beta")


def _ends(share: float, count: float, level: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    yes, no, tail = share * count, (1 - share) * count, (1 - level) / 2
    low = float(betaincinv(yes, no + 1, tail)) if yes else 0.0
    high = float(betaincinv(yes + 1, no, 1 - tail)) if no else 1.0
    return low, high
