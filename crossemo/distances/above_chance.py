r"""The Fréchet distance above the level that few clips of few groups give by chance.

It has two terms. The first, $|m_x - m_y|^2$, comes from products of clips of different
groups (`crossemo.distances.kernel.linear_sums`) and is exactly unbiased. The second is

$$ C = \operatorname{tr} S_x + \operatorname{tr} S_y
       - 2 N_{xy} \sqrt{\frac{\operatorname{tr} S_x \operatorname{tr} S_y}
                        {N_{xx} N_{yy}}} $$

where N are mean fidelities, $\operatorname{tr} (S S')^{1/2}$, of halves of the groups:
$N_{xy}$ between half a of x and half b of y, $N_{xx}$ between the halves of x. Groups
are dealt to the halves of x and of y alike, so no fidelity is between clips of one
actor. Halves of one cell have less than their trace in common, as they are few; the
root takes that off, of either cell as much as it has. A difference in the shape of the
spectrum is still told too small where cells have few clips, for want of directions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import nan
from random import Random

import torch
from torch import Tensor

from crossemo.distances.axes import AxisMoments, fidelities, nuclear_norms, roots_of
from crossemo.distances.cell_units import Units
from crossemo.distances.cells import Cell, deal, in_turn, rows_of
from crossemo.distances.frechet import factor

_HELD = 2**21  # entries of matrices that wait to be decomposed together
SPLIT_SEED = 2025  # apart from the user's, as no verdict should depend on it


@dataclass(frozen=True)
class Fidelities:
    """Mean fidelities of crossed halves.

    Args:
        across: `(..., x cells, y cells)` between the domains.
        x: Between the halves of x, at the clips per half of each pair.
        y: Between the halves of y.
    """

    across: Tensor
    x: Tensor
    y: Tensor

    def term(self, x_traces: Tensor, y_traces: Tensor) -> Tensor:
        """Return the covariance term above chance, `(..., x cells, y cells)`.

        Args:
            x_traces: `(..., x cells)` traces of the covariances of x.
            y_traces: `(..., y cells)` those of y.
        """
        x, y = x_traces[..., None], y_traces[..., None, :]
        within = self.x * self.y
        # Where a cell has no variance, the domains have none in common.
        share = torch.where(within > 0, (x * y).clamp(min=0) / within, 0).sqrt()
        return torch.where(within.isnan(), nan, x + y - 2 * self.across * share)


def deal_halves(
    xs: Sequence[Cell], ys: Sequence[Cell], splits: int
) -> list[dict[str, int]]:
    """Return the half of every group in each of some random splits.

    Raises:
        ValueError: `splits` is below one.
    """
    if splits < 1:
        raise ValueError(f"{splits} splits can't be averaged: ask for at least one.")
    random = Random(SPLIT_SEED)
    groups = [cell.groups for cell in (*xs, *ys)]
    return [deal(groups, 2, random) for _ in range(splits)]


def crossed_fidelities(
    xs: Sequence[Cell], ys: Sequence[Cell], halves: Sequence[dict[str, int]]
) -> tuple[Fidelities, Tensor]:
    """Return the fidelities of all features, from halves of equally many clips.

    Args:
        xs: Cells of one domain.
        ys: Cells of the other, or `xs` itself.
        halves: Of `deal_halves`.

    Returns:
        The fidelities, `(x cells, y cells)`, NaN where half a cell has fewer than two
        clips and, of a domain with itself, on and below the diagonal; and the mean
        number of clips per half.
    """
    random = Random(SPLIT_SEED)
    products = _Products()
    table = torch.full((4, len(halves), len(xs), len(ys)), nan, dtype=torch.float64)
    pairs = []
    for split, side_of in enumerate(halves):
        x_halves = [_halve(cell, side_of, random) for cell in xs]
        y_halves = x_halves
        if ys is not xs:
            y_halves = [_halve(cell, side_of, random) for cell in ys]
        pairs += [(split, *pair) for pair in _one_split(products, x_halves, y_halves)]
    if pairs:
        split, i, j = torch.tensor([pair[:3] for pair in pairs]).T
        norms = products.norms()[torch.tensor([pair[3] for pair in pairs])]
        sizes = torch.tensor([pair[4] for pair in pairs]).double()
        row = (norms[:, :2].mean(1), norms[:, 2], norms[:, 3], sizes)
        table[:, split, i, j] = torch.stack(row)
    across, x, y, clips = table.nanmean(1)
    return Fidelities(across, x, y), clips


def axis_fidelities(
    moments: AxisMoments,
    units: Units,
    counts: tuple[int, int],
    halves: Sequence[dict[str, int]],
    weights: Tensor,
) -> Fidelities:
    """Return the fidelities along axes, for many selections of units.

    Args:
        moments: Of the units.
        units: Units of the cells of x and then those of y.
        counts: Number of cells of x and of y.
        halves: Of `deal_halves`.
        weights: `(selections, units)` 1 for units that count, 0 for others.

    Returns:
        `(selections, x cells, y cells)` each.
    """
    rounds = []
    for side_of in halves:
        sides = torch.tensor([side_of[group] for group in units.groups])
        selected = [weights * (sides == side) for side in (0, 1)]
        covariances = torch.stack(
            [
                _of_units(moments, units.of(cell), one)
                for cell, one in product(range(sum(counts)), selected)
            ]
        )
        roots = roots_of(covariances)
        roots = roots.view(-1, 2, *roots.shape[1:])  # (cells, halves, selections, ...)
        x, y = roots[: counts[0]], roots[counts[0] :]
        across = fidelities(x[:, None], y[None].flip(2)).mean(2)
        within = fidelities(roots[:, 0], roots[:, 1])
        of_x, of_y = within[: counts[0], None], within[None, counts[0] :]
        rounds.append(
            torch.stack([across, *(w.expand_as(across) for w in (of_x, of_y))])
        )
    mean = torch.stack(rounds).nanmean(0).movedim(-1, 1)
    return Fidelities(*mean)


def _of_units(moments: AxisMoments, rows: list[int], weights: Tensor) -> Tensor:
    part = AxisMoments(moments.sizes[rows], moments.sums[rows], moments.squares[rows])
    return part.covariances(weights[:, rows])


@dataclass(frozen=True, eq=False)
class _Half:
    """Some clips of a cell, one of each group by turns."""

    cell: Cell
    rows: Tensor

    def first(self, size: int) -> "_Half":
        return _Half(self.cell, self.rows[:size])

    @property
    def clips(self) -> Tensor:
        return self.cell.embeddings[self.rows]


_Halves = tuple[_Half, _Half]


def _halve(cell: Cell, side_of: dict[str, int], random: Random) -> _Halves:
    turns = in_turn(cell.groups, random)
    a, b = ([turn for turn in turns if side_of[turn.group] == side] for side in (0, 1))
    return _Half(cell, rows_of(a)), _Half(cell, rows_of(b))


# Cell of x, cell of y; matrices across (two), in x and in y; clips of each half.
_Pair = tuple[int, int, tuple[int, int, int, int], int]


def _one_split(
    products: "_Products", x_halves: Sequence[_Halves], y_halves: Sequence[_Halves]
) -> Iterator[_Pair]:
    """Yield the pairs of cells that have fidelities, with the matrices of these."""
    within: dict[tuple[int, int, int], int] = {}

    def of_cell(side: int, cell: int, a: _Half, b: _Half) -> int:
        key = (side, cell, len(a.rows))
        if key not in within:
            within[key] = products.add(a, b)
        return within[key]

    for (i, x), (j, y) in product(enumerate(x_halves), enumerate(y_halves)):
        size = min(len(half.rows) for half in (*x, *y))
        if size < 2 or (y_halves is x_halves and j <= i):
            continue
        (xa, xb), (ya, yb) = ([half.first(size) for half in pair] for pair in (x, y))
        across = products.add(xa, yb), products.add(xb, ya)
        yield i, j, (*across, of_cell(0, i, xa, xb), of_cell(1, j, ya, yb)), size


class _Products:
    """Inner products of the clips of two cells, computed once for all splits.

    Those of halves are matrices whose nuclear norms are fidelities. Many small ones
    are decomposed at once.
    """

    def __init__(self) -> None:
        self._of_cells: dict[tuple[int, int], Tensor] = {}
        self._waiting: dict[int, Tensor] = {}
        self._norms: dict[int, Tensor] = {}
        self._entries = 0

    def add(self, a: _Half, b: _Half) -> int:
        """Add the matrix of two sets of clips and return its number."""
        number = len(self._norms) + len(self._waiting)
        self._waiting[number] = self._matrix(a, b)
        self._entries += self._waiting[number].numel()
        if self._entries > _HELD:
            self._decompose()
        return number

    def norms(self) -> Tensor:
        """Return the nuclear norms of all matrices, `(matrices,)`."""
        self._decompose()
        return torch.stack([self._norms[number] for number in range(len(self._norms))])

    def _decompose(self) -> None:
        alike: dict[torch.Size, list[int]] = {}
        for number, matrix in self._waiting.items():
            alike.setdefault(matrix.shape, []).append(number)
        for numbers in alike.values():
            matrices = torch.stack([self._waiting[number] for number in numbers])
            norms = nuclear_norms(matrices).unbind()
            self._norms |= zip(numbers, norms, strict=True)
        self._waiting.clear()
        self._entries = 0

    def _matrix(self, a: _Half, b: _Half) -> Tensor:
        width = a.cell.embeddings.shape[1]
        if max(len(a.cell), len(b.cell)) > width:  # roots are smaller than products
            return factor(a.clips).root @ factor(b.clips).root.T
        part = self._between(a.cell, b.cell)[a.rows][:, b.rows]
        part = part - part.mean(0)
        part = part - part.mean(1, keepdim=True)
        pairs = (len(a.rows) - 1) * (len(b.rows) - 1)
        scaled: Tensor = part / float(pairs) ** 0.5
        return scaled

    def _between(self, a: Cell, b: Cell) -> Tensor:
        key = (id(a), id(b))
        if key not in self._of_cells:
            one, other = (c.embeddings.to(torch.float64) for c in (a, b))
            centre = one.mean(0)  # or products of large means would cancel
            self._of_cells[key] = (one - centre) @ (other - centre).T
        return self._of_cells[key]
