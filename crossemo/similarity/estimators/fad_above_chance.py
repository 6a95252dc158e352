"""The Fréchet distance above the level that few clips of few groups have by chance."""

import torch
from torch import Tensor

from crossemo.distances.above_chance import axis_fidelities, crossed_fidelities
from crossemo.distances.axes import axis_moments, fidelities, roots_of
from crossemo.distances.cell_units import units_of
from crossemo.distances.cells import Cell
from crossemo.distances.exchanges import exchangeable
from crossemo.similarity.estimators.base import Comparison, traces_of
from crossemo.similarity.estimators.kernel_distance import of_kernel
from crossemo.similarity.tables import Table

NAMES = (
    "fad_above_chance",
    "fad_mean_above_chance",
    "fad_covariance_above_chance",
)

WITHIN = 2  # splits of a domain with itself, which is for reference


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance above chance and its two terms, with p-values of each."""
    mean = of_kernel(comparison, comparison.layer.linear_sums)
    spread, used = _covariance_term(comparison)
    replicates = spread + _covariance_noise(comparison)
    whole, of_covariances = _exchanged(comparison)
    assert mean.replicates is not None
    assert mean.exchanged is not None
    parts = (
        (mean.value + spread, mean.replicates + replicates, whole),
        (mean.value, mean.replicates, mean.exchanged),
        (spread, replicates, of_covariances),
    )
    return {
        name: _with_trace(comparison, value, around, exchanged, used)
        for name, (value, around, exchanged) in zip(NAMES, parts, strict=True)
    }


def _with_trace(
    comparison: Comparison,
    value: Tensor,
    replicates: Tensor,
    exchanged: Tensor,
    used: Tensor,
) -> Table:
    """Return a table, and in it the same in units of the mean trace."""
    scale = comparison.layer.mean_traces
    whole = comparison.table(value, replicates, exchanged, used)
    by_trace = comparison.table(
        value / scale[0],
        replicates / scale[1 : 1 + len(replicates), None, None],
        exchanged,
        used,
    )
    return Table(**vars(whole) | {"by_trace": by_trace})


def _covariance_term(comparison: Comparison) -> tuple[Tensor, Tensor]:
    """Return the term above chance of all features, and the clips per half."""
    halves = comparison.layer.halves
    if not comparison.across:
        halves = halves[:WITHIN]
    crossed, used = crossed_fidelities(comparison.xs, comparison.ys, halves)
    x, y = (comparison.layer.traces[0, places] for places in comparison.places)
    return crossed.term(x, y), used


def _covariance_noise(comparison: Comparison) -> Tensor:
    """Return by how much the term changes without each block of groups.

    Along the principal axes, where nearly all of its noise lies.

    Returns:
        `(blocks, x emotions, y emotions)`; NaN of a domain with itself.
    """
    layer = comparison.layer
    if not (comparison.across and len(layer.leaving_out)):
        return comparison.empty(len(layer.leaving_out))
    counts = len(layer.xs), len(layer.ys)
    weights, units = layer.weights, layer.units
    crossed = axis_fidelities(layer.moments, units, counts, layer.halves, weights)
    traces = traces_of(layer.moments, units, weights, sum(counts))
    x, y = (traces[:, places] for places in comparison.places)
    terms = crossed.term(x, y)
    return terms[1:] - terms[0]


def _exchanged(comparison: Comparison) -> tuple[Tensor, Tensor]:
    """Return the plain distance and its covariance term for exchanges of groups.

    Along the principal axes, of equally many clips, the present cells first.

    Returns:
        `(1 + draws, x emotions, y emotions)` each; of a domain with itself none.
    """
    settings = comparison.settings
    if not (comparison.across and settings.fad_permutations):
        return comparison.empty(0), comparison.empty(0)
    exchanges = comparison.layer.exchanges(settings.fad_permutations)
    whole = comparison.empty(1 + len(exchanges))
    spread = whole.clone()
    cells = _along_axes(comparison)
    for i, j in comparison.pairs():
        x, y = exchangeable(cells[0][i], cells[1][j])
        units = units_of([x, y])
        groups = [[units.groups[unit] for unit in units.of(side)] for side in (0, 1)]
        first = torch.arange(len(units)) < len(units.of(0))
        in_first = torch.cat((first[None], exchanges.between(*groups))).double()
        moments = axis_moments(torch.cat((x.embeddings, y.embeddings)), units)
        sides = (in_first, 1 - in_first)
        means = [moments.means(side) for side in sides]
        covariances = [moments.covariances(side) for side in sides]
        traces = sum(s.diagonal(dim1=1, dim2=2).sum(1) for s in covariances)
        spread[:, i, j] = traces - 2 * fidelities(*map(roots_of, covariances))
        whole[:, i, j] = spread[:, i, j] + (means[0] - means[1]).square().sum(1)
    return whole, spread


def _along_axes(comparison: Comparison) -> tuple[list[Cell], list[Cell]]:
    """Return the cells of x and of y along the principal axes."""
    coordinates, cells = comparison.layer.coordinates, comparison.layer.cells
    x, y = (
        [Cell(coordinates[place], cells[place].groups) for place in places]
        for places in comparison.places
    )
    return x, y
