"""Compare two domains in one hidden state, by their clips or by their frames."""

from collections.abc import Sequence
from itertools import combinations, product
from math import nan
from statistics import fmean

import torch
from torch import Tensor

from crossemo.distances.above_chance import Fidelities
from crossemo.distances.axes import nuclear_norms
from crossemo.distances.frechet import Factor, frechet_term_pairs
from crossemo.similarity.domains import Domain, FrameDomain, FrameFactors
from crossemo.similarity.estimators import Comparison, Layer, estimates
from crossemo.similarity.measures import measures
from crossemo.similarity.settings import Settings
from crossemo.similarity.tables import Row, Table, table_rows

FRAME_ESTIMATORS = (
    "fad",
    "fad_mean_term",
    "fad_covariance_term",
    "fad_above_chance",
    "fad_mean_above_chance",
    "fad_covariance_above_chance",
)


def compare_clips(
    x: Domain, y: Domain, emotions: Sequence[str], settings: Settings
) -> tuple[list[Row], list[Row]]:
    """Compare the clips of two domains.

    Args:
        x: One domain.
        y: The other.
        emotions: Names of the emotions, in the order of the domains' cells.
        settings: How to estimate.

    Returns:
        A row for every pair of emotions and estimator, across the domains and within
        each; and a row for every measure of how the domains differ.

    Raises:
        ValueError: An embedding is NaN or infinite, or there are fewer than two clips.
    """
    layer = Layer(x.cells, y.cells, settings)
    numbers = range(len(emotions))
    across = estimates(Comparison(layer, 0, 1))
    rows = table_rows(across, x, y, emotions, product(numbers, numbers))
    for place, one in enumerate((x, y)):
        within = estimates(Comparison(layer, place, place))
        rows += table_rows(within, one, one, emotions, combinations(numbers, 2))
    scale = float(layer.mean_traces[0])
    tags = {"width": layer.cells[0].embeddings.shape[1], "mean_trace": scale}
    return [row | tags for row in rows], measures(across, layer, emotions)


def compare_frames(
    x: FrameDomain, y: FrameDomain, emotions: Sequence[str]
) -> list[Row]:
    """Compare the frames of two domains.

    Frames of one clip depend on each other, and only moments of them are there, so
    there are neither intervals nor p-values, and one split into halves.

    Args:
        x: One domain.
        y: The other.
        emotions: Names of the emotions, in the order of the domains' factors.

    Returns:
        A row for every pair of emotions and estimator across the domains.
    """
    numbers = range(len(emotions))
    shape = (len(FRAME_ESTIMATORS), len(emotions), len(emotions))
    values = torch.full(shape, nan, dtype=torch.float64)
    for i, j in product(numbers, numbers):
        values[:, i, j] = torch.tensor(_frame_estimates(x.factors[i], y.factors[j]))
    factors = [one.whole for one in (*x.factors, *y.factors) if one.whole is not None]
    scale = fmean(float(f.trace) for f in factors) if factors else nan
    tables = {
        name: Table(value, by_trace=Table(value / scale))
        for name, value in zip(FRAME_ESTIMATORS, values, strict=True)
    }
    width = len(factors[0].mean) if factors else 0
    rows = table_rows(tables, x, y, emotions, product(numbers, numbers))
    return [row | {"width": width, "mean_trace": scale} for row in rows]


def _frame_estimates(x: FrameFactors, y: FrameFactors) -> tuple[float, ...]:
    """Return the values of `FRAME_ESTIMATORS` for one pair of emotions."""
    if x.whole is None or y.whole is None:
        return (nan,) * len(FRAME_ESTIMATORS)
    means, spreads = frechet_term_pairs([(x.whole, y.whole)])
    mean, spread = float(means), float(spreads)
    shift = term = nan
    if x.first and x.second and y.first and y.second:
        differences = x.first.mean - y.first.mean, x.second.mean - y.second.mean
        shift = float(differences[0] @ differences[1])
        across = _fidelity(x.first, y.second) + _fidelity(x.second, y.first)
        fidelities = Fidelities(
            across[None, None] / 2,
            _fidelity(x.first, x.second)[None, None],
            _fidelity(y.first, y.second)[None, None],
        )
        term = float(fidelities.term(x.whole.trace[None], y.whole.trace[None]))
    return mean + spread, mean, spread, shift + term, shift, term


def _fidelity(a: Factor, b: Factor) -> Tensor:
    return nuclear_norms(a.root @ b.root.T)
