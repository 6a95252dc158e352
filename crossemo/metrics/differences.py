"""Intervals of the difference between two models that judge the same clips."""

from collections.abc import Sequence

import torch
from torch import Tensor

from crossemo.metrics.intervals import MIN_GROUPS, Interval, clip_counts, percentiles
from crossemo.metrics.jackknife import student_t
from crossemo.metrics.recognition import SCORES, ScoreName

_DRAWS = 2000


def difference_interval(
    labels: Tensor,
    first: Tensor,
    second: Tensor,
    groups: Sequence[str],
    classes: int,
    score: ScoreName = "UA",
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    r"""Return the interval of how much higher the second model scores than the first.

    Both judge the same clips, so what a hard clip or speaker costs both of them is no
    part of the difference's spread. As in `score_interval`, with three groups or more
    it is the jackknife's over groups, here of the difference
    $d = s_\text{second} - s_\text{first}$; with fewer, the percentile bootstrap's over
    clips drawn within each class, the same ones for both.

    Args:
        labels: `(clips,)` class indices.
        first: `(clips,)` class indices by the first model.
        second: `(clips,)` class indices by the second model.
        groups: Group of each clip.
        classes: Number of classes.
        score: `UA`, `WA` or `macro_F1`.
        level: Share of intervals that hold the truth.
        seed: Seed of the bootstrap's draws.

    Raises:
        ValueError: There is no clip, the lengths differ, or an index is no class.

    >>> labels, right = torch.tensor([1, 1, 1]), torch.tensor([1, 1, 1])
    >>> wrong = torch.tensor([1, 1, 0])
    >>> one = difference_interval(labels, wrong, right, "abc", 2, "WA", level=0.5)
    >>> round(one.low, 3), round(one.high, 3)  # 1/3 ± 0.816 · 1/3
    (0.061, 0.605)
    """
    measure = SCORES[score]
    counts = [clip_counts(labels, said, groups, classes) for said in (first, second)]
    if len(counts[0]) < MIN_GROUPS:
        drawn = _draw(labels, classes, seed)
        scores = [
            measure(_confusion(labels, s, drawn, classes)) for s in (first, second)
        ]
        ends = percentiles(scores[1] - scores[0], level)
        return Interval(*ends, "clip", len(labels), "bootstrap")
    totals = [one.sum(0) for one in counts]
    without = [measure(total - one) for total, one in zip(totals, counts, strict=True)]
    spread = without[1] - without[0]
    freedom = len(spread) - 1
    reach = student_t(level, freedom) * (spread.var(correction=0) * freedom).sqrt()
    middle = measure(totals[1]) - measure(totals[0])
    low, high = float(middle - reach), float(middle + reach)
    return Interval(low, high, "group", len(spread), "jackknife")


def _draw(labels: Tensor, classes: int, seed: int) -> Tensor:
    """Return `(draws, clips)` positions, drawn with replacement within each class."""
    generator = torch.Generator().manual_seed(seed)
    columns = []
    for number in range(classes):
        members = (labels == number).nonzero().flatten()
        shape = (_DRAWS, len(members))
        if len(members):
            picks = torch.randint(len(members), shape, generator=generator)
            columns.append(members[picks])
    return torch.cat(columns, 1)


def _confusion(labels: Tensor, said: Tensor, drawn: Tensor, classes: int) -> Tensor:
    """Return `(draws, classes, classes)` confusion counts of drawn clips."""
    cells = labels[drawn] * classes + said[drawn]
    counts = torch.zeros(len(drawn), classes**2, dtype=torch.float64)
    counts.scatter_add_(1, cells, torch.ones_like(cells, dtype=torch.float64))
    return counts.view(-1, classes, classes)
