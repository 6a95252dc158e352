"""Compare the clips of two domains."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from math import nan
from statistics import fmean

import torch

from crossemo.distances.cells import Cell
from crossemo.distances.frechet import Factor, frechet_term_pairs, mean_trace
from crossemo.distances.kernel import KernelSums, kernel_sums
from crossemo.similarity import estimators
from crossemo.similarity.measures import measures
from crossemo.similarity.settings import Settings
from crossemo.similarity.tables import Domain, Row, Table, table_rows

Domains = Mapping[str, Sequence[Cell]]


def compare_clips(
    domains: Domains, emotions: Sequence[str], settings: Settings
) -> tuple[list[Row], list[Row]]:
    """Compare two domains in one hidden state.

    Args:
        domains: By name, two domains of one cell for each emotion; a cell may be empty.
        emotions: Names of the emotions.
        settings: How to estimate.

    Returns:
        A row for every pair of emotions and estimator, across the domains and within
        each; and a row for every measure of what the distances say of the state.

    Raises:
        ValueError: An embedding is NaN or infinite, or there are fewer than two clips.
    """
    xs, ys = domains.values()
    known = [cell.embeddings for cell in (*xs, *ys) if len(cell) > 1]
    scale = mean_trace(known) if known else nan
    sums = kernel_sums([*xs, *ys])
    across = _across(xs, ys, sums, settings)
    x, y = (Domain.of(name, cells) for name, cells in domains.items())
    every = product(range(len(emotions)), range(len(emotions)))
    rows = table_rows(across, (x, y), emotions, every)
    fewest = min(map(len, known), default=0)
    for side, cells, offset in ((x, xs, 0), (y, ys, len(xs))):
        within = _shared(cells, cells, fewest, settings, intervals=False)
        offsets = (offset, offset)
        within["kernel"] = estimators.kernel(sums, cells, cells, offsets, settings)
        own = combinations(range(len(emotions)), 2)
        rows += table_rows(within, (side, side), emotions, own)
    width = xs[0].embeddings.shape[1]
    rows = [row | {"width": width, "mean_trace": scale} for row in rows]
    return rows, measures(across, emotions, scale, settings)


def _across(
    xs: Sequence[Cell], ys: Sequence[Cell], sums: KernelSums, settings: Settings
) -> dict[str, Table]:
    fewest = min((len(cell) for cell in (*xs, *ys) if len(cell) > 1), default=0)
    found = _shared(xs, ys, fewest, settings, settings.intervals)
    if settings.fad_permutations:
        p = estimators.plain_p(xs, ys, settings)
        found["fad"] = replace(found["fad"], p=p)
    found["fad_subspace"] = estimators.subspace(xs, ys, settings)
    if settings.infinity:
        found["fad_infinity"] = estimators.infinity(xs, ys, settings)
    found["kernel"] = estimators.kernel(sums, xs, ys, (0, len(xs)), settings)
    return found


def _shared(
    xs: Sequence[Cell],
    ys: Sequence[Cell],
    fewest: int,
    settings: Settings,
    intervals: bool,
) -> dict[str, Table]:
    """Return what is told across domains and, for reference, within each."""
    return {
        **estimators.plain(xs, ys),
        "fad_matched": estimators.matched(xs, ys, fewest, settings),
        **estimators.above_chance(xs, ys, settings, intervals),
    }


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
