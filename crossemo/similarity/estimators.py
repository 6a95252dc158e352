"""Each estimator of the distance, for all pairs of emotions at once.

Between a domain and itself, every pair has one estimate, above the diagonal.
"""

from collections.abc import Sequence
from itertools import product
from random import Random

import torch
from torch import Tensor

from crossemo.distances.above_chance import MOST_BLOCKS, frechet_above_chance
from crossemo.distances.cells import Cell, deal, groups_of, in_turn, rows_of
from crossemo.distances.exchanges import exchangeable, exchanges
from crossemo.distances.frechet import factor, frechet_term_pairs
from crossemo.distances.kernel import KernelSums, kernel_sums
from crossemo.distances.variants import (
    LEAST_PER_FEATURE,
    frechet_infinity,
    principal_axes,
)
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.permutation import permutation_p
from crossemo.similarity.settings import Settings
from crossemo.similarity.tables import Table

Cells = Sequence[Cell]


def plain(xs: Cells, ys: Cells) -> dict[str, Table]:
    """Return the Fréchet distance of all clips and its two terms."""
    mean, spread = _terms(xs, ys)
    return {
        "fad": Table(mean + spread),
        "fad_mean_term": Table(mean),
        "fad_covariance_term": Table(spread),
    }


def matched(xs: Cells, ys: Cells, clips: int, settings: Settings) -> Table:
    """Return the Fréchet distance of equally many clips of every cell.

    It is the mean over draws, each of one clip of every group by turns.

    Args:
        xs: Cells of one domain.
        ys: Cells of the other; may be `xs` itself.
        clips: Clips of a draw.
        settings: How to estimate; there are as many draws as splits.
    """
    random = Random(settings.seed)
    draws = []
    for _ in range(settings.splits):
        x_draw = [_draw(cell, clips, random) for cell in xs]
        y_draw = x_draw if ys is xs else [_draw(cell, clips, random) for cell in ys]
        mean, spread = _terms(x_draw, y_draw)
        draws.append(mean + spread)
    value = torch.stack(draws).mean(0)
    return Table(value, used=torch.full_like(value, clips))


def above_chance(
    xs: Cells, ys: Cells, settings: Settings, intervals: bool
) -> dict[str, Table]:
    """Return the Fréchet distance above chance, and the level of chance below it."""
    blocks = MOST_BLOCKS if intervals else 0
    above = frechet_above_chance(xs, ys, settings.splits, blocks, settings.seed)
    low, high = jackknife_interval(above.value, above.replicates, settings.level)
    return {
        "fad_floor": Table(above.floor, used=above.clips),
        "fad_above_chance": Table(
            above.value, low, high, used=above.clips, replicates=above.replicates
        ),
    }


def subspace(xs: Cells, ys: Cells, settings: Settings) -> Table:
    """Return the Fréchet distance along the principal axes of all clips together."""
    axes = principal_axes([cell.embeddings for cell in (*xs, *ys)], settings.subspace)
    projected = [
        [Cell(cell.embeddings.to(axes.dtype) @ axes, cell.groups) for cell in cells]
        for cells in (xs, ys)
    ]
    mean, spread = _terms(*projected)
    return Table(mean + spread)


def infinity(xs: Cells, ys: Cells, settings: Settings) -> Table:
    """Return the extrapolated distance; NaN where there are too few clips."""
    value = _empty(xs, ys)
    for (i, x), (j, y) in product(enumerate(xs), enumerate(ys)):
        if min(len(x), len(y)) >= LEAST_PER_FEATURE * x.embeddings.shape[1]:
            value[i, j] = frechet_infinity(
                x.embeddings, y.embeddings, seed=settings.seed
            )
    return Table(value)


def kernel(
    sums: KernelSums, xs: Cells, ys: Cells, offsets: tuple[int, int], settings: Settings
) -> Table:
    """Return the kernel distance with its intervals and p-values.

    Args:
        sums: The kernel's sums over all cells of the layer.
        xs: Cells of one domain.
        ys: Cells of the other; may be `xs` itself.
        offsets: Positions of the first cell of each domain among those of `sums`.
        settings: How to estimate.
    """
    weights = _without_blocks(sums, xs, ys, settings)
    value, p = _empty(xs, ys), _empty(xs, ys)
    replicates = torch.full((len(weights), len(xs), len(ys)), torch.nan).double()
    for i, j in product(range(len(xs)), range(len(ys))):
        x, y = offsets[0] + i, offsets[1] + j
        if not (len(xs[i]) and len(ys[j])) or (ys is xs and j <= i):
            continue
        value[i, j] = sums.distance(x, y)
        replicates[:, i, j] = sums.distance(x, y, weights)
        if settings.permutations:
            p[i, j] = _kernel_p(sums, (x, y), xs[i], ys[j], settings)
    low, high = jackknife_interval(value, replicates, settings.level)
    return Table(value, low, high, p, replicates=replicates)


def plain_p(xs: Cells, ys: Cells, settings: Settings) -> Tensor:
    """Return p-values of the plain distances, by exchanges of groups."""
    p = _empty(xs, ys)
    for (i, x), (j, y) in product(enumerate(xs), enumerate(ys)):
        if min(len(x), len(y)) > 1:
            p[i, j] = _plain_p(x, y, settings)
    return p


def _kernel_p(
    sums: KernelSums, places: tuple[int, int], x: Cell, y: Cell, settings: Settings
) -> Tensor:
    x_cut, y_cut = exchangeable(x, y)
    if (len(x_cut), len(y_cut)) != (len(x), len(y)):
        sums, places = kernel_sums([x_cut, y_cut], sums.bandwidth), (0, 1)
    x_groups, y_groups = (
        [sums.groups[unit] for unit in sums.units(place)] for place in places
    )
    in_first = exchanges(x_groups, y_groups, settings.permutations, settings.seed)
    return permutation_p(sums.distance(*places), sums.exchanged(*places, in_first))


def _plain_p(x: Cell, y: Cell, settings: Settings) -> Tensor:
    x, y = exchangeable(x, y)
    groups = (sorted(set(x.groups)), sorted(set(y.groups)))
    in_first = exchanges(*groups, settings.fad_permutations, settings.seed)
    units = [(side, group) for side in (0, 1) for group in groups[side]]
    position = {unit: number for number, unit in enumerate(units)}
    owners = [(side, g) for side, cell in enumerate((x, y)) for g in cell.groups]
    clip_units = torch.tensor([position[owner] for owner in owners])
    clips = torch.cat((x.embeddings, y.embeddings))
    pairs = [(factor(x.embeddings), factor(y.embeddings))]
    for first in in_first[:, clip_units]:
        if 1 < int(first.sum()) < len(clips) - 1:
            pairs.append((factor(clips[first]), factor(clips[~first])))
    mean, spread = frechet_term_pairs(pairs)
    distances = mean + spread
    return permutation_p(distances[0], distances[1:])


def _terms(xs: Cells, ys: Cells) -> tuple[Tensor, Tensor]:
    """Return both terms of all pairs; NaN where a cell has fewer than two clips."""
    rows, columns = (
        [factor(cell.embeddings) if len(cell) > 1 else None for cell in cells]
        for cells in (xs, ys)
    )
    places, pairs = [], []
    for (i, a), (j, b) in product(enumerate(rows), enumerate(columns)):
        if a is not None and b is not None and (ys is not xs or i < j):
            places.append((i, j))
            pairs.append((a, b))
    mean, spread = _empty(xs, ys), _empty(xs, ys)
    if pairs:
        where = tuple(torch.tensor(places).T)
        mean[where], spread[where] = frechet_term_pairs(pairs)
    return mean, spread


def _draw(cell: Cell, clips: int, random: Random) -> Cell:
    rows = rows_of(in_turn(cell.groups, random)[:clips])
    groups = tuple(cell.groups[row] for row in rows.tolist())
    return Cell(cell.embeddings[rows], groups)


def _without_blocks(
    sums: KernelSums, xs: Cells, ys: Cells, settings: Settings
) -> Tensor:
    """Return `(blocks, units)` weights, 0 for the units of each block in turn."""
    blocks = min(MOST_BLOCKS, len(groups_of(xs)), len(groups_of(ys)))
    if not settings.intervals or blocks < 2:
        return torch.ones(0, len(sums.groups))
    groups = [cell.groups for cell in (*xs, *ys)]
    block_of = deal(groups, blocks, Random(f"blocks {settings.seed}"))
    unit_blocks = torch.tensor([block_of.get(group, -1) for group in sums.groups])
    return (unit_blocks != torch.arange(blocks)[:, None]).double()


def _empty(xs: Cells, ys: Cells) -> Tensor:
    return torch.full((len(xs), len(ys)), torch.nan, dtype=torch.float64)
