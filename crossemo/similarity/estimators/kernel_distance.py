"""The kernel distance, unbiased, with intervals and p-values."""

from itertools import product
from random import Random

import torch
from torch import Tensor

from crossemo.distances.above_chance import MOST_BLOCKS
from crossemo.distances.cells import Cell, deal, groups_of
from crossemo.distances.exchanges import exchangeable, exchanges
from crossemo.distances.kernel import KernelSums, kernel_sums
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.permutation import permutation_p
from crossemo.similarity.estimators.base import Cells, Comparison
from crossemo.similarity.settings import Settings
from crossemo.similarity.tables import Table


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance with one bandwidth for the whole layer."""
    xs, ys, settings = comparison.xs, comparison.ys, comparison.settings
    sums, offsets = comparison.layer.kernel_sums, comparison.offsets
    weights = _without_blocks(sums, xs, ys, settings)
    value, p = comparison.empty(), comparison.empty()
    replicates = torch.full((len(weights), len(xs), len(ys)), torch.nan).double()
    for i, j in product(range(len(xs)), range(len(ys))):
        x, y = offsets[0] + i, offsets[1] + j
        if not (len(xs[i]) and len(ys[j])) or (not comparison.across and j <= i):
            continue
        value[i, j] = sums.distance(x, y)
        replicates[:, i, j] = sums.distance(x, y, weights)
        if settings.permutations:
            p[i, j] = _p_value(sums, (x, y), xs[i], ys[j], settings)
    low, high = jackknife_interval(value, replicates, settings.level)
    return {"kernel": Table(value, low, high, p, replicates=replicates)}


def _p_value(
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
