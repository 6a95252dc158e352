"""Blocks of groups that are left out in turn, for the jackknife."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from crossemo.distances.cell_units import Units
from crossemo.distances.cells import Cell, deal, groups_of

MOST_BLOCKS = 24  # of the groups that are in one domain, in the other, or in both


@dataclass(frozen=True)
class LeavingOut:
    """Blocks of groups of two domains.

    A block leaves out its groups from both domains. Groups of both domains, of the
    first alone and of the second alone are in blocks of their own, so that with
    separate actors the noise of either domain adds up.

    Args:
        weights: `(blocks, units)` 0 for the units of each block in turn, else 1.
        factors: `(blocks,)` what a replicate's squared deviation counts in the
            variance: (b - 1) / b, with the number b of blocks in the domain.
        freedom: `(cells,)` blocks of each cell, less one.
        kinds: `(blocks,)` whether a block's groups are in both domains (0), in the
            first alone (1) or in the second alone (2).
        of_units: `(units,)` block of each unit.
    """

    weights: Tensor
    factors: Tensor
    freedom: Tensor
    kinds: Tensor
    of_units: Tensor

    def __len__(self) -> int:
        return len(self.weights)

    def variance(self, replicates: Tensor) -> Tensor:
        """Return the jackknife variance of `(blocks, ...)` replicates, `(...)`.

        Deviations are from the mean over blocks of a kind, as leaving out clips of
        either domain shifts what isn't linear in them by another amount.
        """
        if not len(replicates):
            return torch.full(replicates.shape[1:], torch.nan, dtype=replicates.dtype)
        variance = torch.zeros_like(replicates[0])
        for kind in set(self.kinds.tolist()):
            of_kind = self.kinds == kind
            some = replicates[of_kind]
            centre = some.mean(0) if len(some) > 1 else replicates.mean(0)
            factors = self.factors[of_kind].view(-1, *[1] * (some.ndim - 1))
            variance += (factors * (some - centre).square()).sum(0)
        return variance


def leave_out(
    xs: Sequence[Cell], ys: Sequence[Cell], units: Units, most: int = MOST_BLOCKS
) -> LeavingOut:
    """Deal the groups of two domains to blocks.

    Args:
        xs: Cells of one domain.
        ys: Cells of the other.
        units: Units of the cells of x and then those of y.
        most: Most blocks of each kind; none if 0.
    """
    x, y = groups_of(xs), groups_of(ys)
    block_of: dict[str, int] = {}
    counts = [0, 0]  # blocks in either domain
    kinds: list[int] = []
    sides = ((x & y, (0, 1)), (x - y, (0,)), (y - x, (1,)))
    for number, (kind, domains) in enumerate(sides):
        blocks = min(most, len(kind))
        if not blocks:
            continue
        cells = [kind.intersection(cell.groups) for cell in (*xs, *ys)]
        first = max(block_of.values(), default=-1) + 1
        # A stream of its own, so that intervals don't depend on the user's seed.
        dealt = deal(cells, blocks, Random(0))
        block_of |= {group: first + block for group, block in dealt.items()}
        kinds += blocks * [number]
        for domain in domains:
            counts[domain] += blocks
    of_units = torch.tensor([block_of.get(group, -1) for group in units.groups])
    factors = torch.ones(len(kinds), dtype=torch.float64)
    for group, block in block_of.items():
        least = min(
            n for n, names in zip(counts, (x, y), strict=True) if group in names
        )
        factors[block] = (least - 1) / least
    freedom = [
        len({block_of[group] for group in cell.groups if group in block_of}) - 1
        for cell in (*xs, *ys)
    ]
    weights = (of_units != torch.arange(len(kinds))[:, None]).double()
    return LeavingOut(
        weights, factors, torch.tensor(freedom), torch.tensor(kinds), of_units
    )
