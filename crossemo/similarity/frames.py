"""Compare the frames of two domains."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import nan
from statistics import fmean

import torch

from crossemo.metrics.frechet import Factor, frechet_term_pairs
from crossemo.similarity.tables import Domain, Row, Table, table_rows

Halved = tuple[Factor | None, ...]
ESTIMATORS = ("fad", "fad_mean_term", "fad_covariance_term", "fad_above_chance")


def compare_frames(
    domains: Mapping[str, Sequence[Halved]],
    groups: Sequence[Sequence[int]],
    emotions: Sequence[str],
) -> list[Row]:
    """Compare the frames of two domains in one hidden state.

    Frames are many but far from independent, so there are neither intervals nor
    p-values; the number of groups is what counts.

    Args:
        domains: By name, two domains of one triple for each emotion: all frames, and
            those of either half of the groups, the same half in both domains.
        groups: Number of groups of each emotion, for both domains.
        emotions: Names of the emotions.

    Returns:
        A row for every pair of emotions and estimator across the domains.
    """
    xs, ys = domains.values()
    shape = (len(ESTIMATORS), len(emotions), len(emotions))
    values = torch.full(shape, nan, dtype=torch.float64)
    for i, j in product(range(len(emotions)), range(len(emotions))):
        values[:, i, j] = torch.tensor(_pair(xs[i], ys[j]))
    x, y = (
        Domain(name, [one[0].count if one[0] else 0 for one in cells], counted)
        for (name, cells), counted in zip(domains.items(), groups, strict=True)
    )
    tables = dict(zip(ESTIMATORS, map(Table, values), strict=True))
    every = product(range(len(emotions)), range(len(emotions)))
    known = [one[0] for one in (*xs, *ys) if one[0] is not None]
    extra = {
        "width": len(known[0].mean) if known else 0,
        "mean_trace": fmean(float(one.trace) for one in known) if known else nan,
    }
    return [row | extra for row in table_rows(tables, (x, y), emotions, every)]


def _pair(x: Halved, y: Halved) -> tuple[float, float, float, float]:
    """Return the values of `ESTIMATORS` for one pair of emotions."""
    whole_x, xa, xb = x
    whole_y, ya, yb = y
    if whole_x is None or whole_y is None:
        return nan, nan, nan, nan
    mean, spread = (float(term) for term in _terms((whole_x, whole_y)))
    above = nan
    if xa and xb and ya and yb:
        means, spreads = _terms((xa, yb), (xb, ya), (xa, xb), (ya, yb))
        ab, ba, own_x, own_y = (means + spreads).tolist()
        above = (ab + ba - own_x - own_y) / 2
    return mean + spread, mean, spread, above


def _terms(*pairs: tuple[Factor, Factor]) -> tuple[torch.Tensor, torch.Tensor]:
    return frechet_term_pairs(pairs)
