"""Intervals of the difference between two models that judge the same clips."""

from collections.abc import Sequence

import torch
from torch import Tensor

from crossemo.metrics.confusions import contingency
from crossemo.metrics.intervals import MIN_GROUPS, Interval, clip_counts, percentiles
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.names import HEADLINE, LEVEL, ScoreName
from crossemo.metrics.recognition import SCORES

_DRAWS = 2000


def difference_interval(
    labels: Tensor,
    first: Tensor,
    second: Tensor,
    groups: Sequence[str],
    classes: int,
    score: ScoreName = HEADLINE,
    level: float = LEVEL,
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
    counts = torch.stack(
        [clip_counts(labels, guesses, groups, classes) for guesses in (first, second)]
    )  # (2, groups, classes, classes)
    if counts.shape[1] < MIN_GROUPS:
        rows = _bootstrap_rows(labels, classes, seed)
        guesses = torch.stack((first, second))[:, rows]
        scores = measure(contingency(labels[rows], guesses, (classes, classes)))
        ends = percentiles(scores[1] - scores[0], level)
        return Interval(*ends, "clip", len(labels), "bootstrap")
    totals = counts.sum(1)
    scores, replicates = measure(totals), measure(totals[:, None] - counts)
    low, high = jackknife_interval(
        scores[1] - scores[0], replicates[1] - replicates[0], level
    )
    return Interval(float(low), float(high), "group", counts.shape[1], "jackknife")


def _bootstrap_rows(labels: Tensor, classes: int, seed: int) -> Tensor:
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
