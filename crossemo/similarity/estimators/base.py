"""What estimators are given: two domains in one hidden state."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import nan

import torch
from torch import Tensor

from crossemo.distances.above_chance import deal_halves
from crossemo.distances.axes import AxisMoments, axis_moments
from crossemo.distances.cell_units import Units, units_of
from crossemo.distances.cells import Cell, groups_of
from crossemo.distances.exchanges import Exchanges, least_p
from crossemo.distances.frechet import factor, frechet_term_pairs
from crossemo.distances.kernel import KernelSums, kernel_sums, linear_sums
from crossemo.distances.leaving_out import LeavingOut, leave_out
from crossemo.distances.variants import principal_axes
from crossemo.metrics.jackknife import root_interval
from crossemo.metrics.permutation import permutation_p
from crossemo.metrics.student import student_quantiles
from crossemo.similarity.settings import Settings
from crossemo.similarity.tables import Table

Cells = Sequence[Cell]
ALPHA = 0.05


class Layer:
    """Two domains in one hidden state, and what estimators share of them.

    Args:
        xs: The cells of one domain.
        ys: The cells of the other.
        settings: How to estimate.
    """

    def __init__(self, xs: Cells, ys: Cells, settings: Settings) -> None:
        self.xs, self.ys, self.settings = xs, ys, settings
        self.cells = [*xs, *ys]
        self._exchanges: dict[int, Exchanges] = {}

    @cached_property
    def units(self) -> Units:
        """The groups of every cell."""
        return units_of(self.cells)

    @cached_property
    def kernel_sums(self) -> KernelSums:
        """The kernel's sums over all cells, with one bandwidth."""
        return kernel_sums(self.cells)

    @cached_property
    def linear_sums(self) -> KernelSums:
        """The sums of products over all cells."""
        return linear_sums(self.cells)

    @cached_property
    def fewest(self) -> int:
        """Clips of the smallest cell that has two or more; 0 where there is none."""
        return min((len(cell) for cell in self.cells if len(cell) > 1), default=0)

    @cached_property
    def coordinates(self) -> list[Tensor]:
        """The clips of every cell along the principal axes of all, `(clips, axes)`."""
        axes = principal_axes(self.cells_centred, self.settings.subspace)
        return [rows @ axes for rows in self.cells_centred]

    @cached_property
    def moments(self) -> AxisMoments:
        """Moments of every unit along the principal axes."""
        return axis_moments(torch.cat(self.coordinates), self.units)

    @cached_property
    def halves(self) -> list[dict[str, int]]:
        """The half of every group in each of the random splits."""
        return deal_halves(self.xs, self.ys, self.settings.splits)

    @cached_property
    def blocks(self) -> LeavingOut:
        """Blocks of groups."""
        return leave_out(self.xs, self.ys, self.units)

    @cached_property
    def leaving_out(self) -> LeavingOut:
        """Blocks to leave out in turn; none where no interval is wanted."""
        if self.settings.intervals:
            return self.blocks
        return leave_out(self.xs, self.ys, self.units, 0)

    @cached_property
    def weights(self) -> Tensor:
        """All units, then those that each block leaves, `(1 + blocks, units)`."""
        everyone = torch.ones(1, len(self.units), dtype=torch.float64)
        return torch.cat((everyone, self.leaving_out.weights))

    @cached_property
    def traces(self) -> Tensor:
        """Traces of all and without each block, `(1 + blocks, cells)`."""
        clips = torch.cat(self.cells_centred)
        norms = AxisMoments(
            self.units.sizes,
            self.units.add_up(clips),
            self.units.add_up(clips.square().sum(1)[:, None, None]),
        )
        return traces_of(norms, self.units, self.weights, len(self.cells))

    @cached_property
    def cells_centred(self) -> list[Tensor]:
        """The clips of every cell, less the mean of all, in float64."""
        clips = [cell.embeddings.to(torch.float64) for cell in self.cells]
        centre = torch.cat(clips).mean(0)
        return [rows - centre for rows in clips]

    @cached_property
    def mean_traces(self) -> Tensor:
        """Mean trace over the cells, of all and without each block, `(1 + blocks,)`.

        Between clips of different groups and, where cells have but one, of all clips.
        """
        groups = [len(set(cell.groups)) for cell in self.cells]
        least = 3 if max(groups) > 2 else 2  # so that there is one without a block
        usable = torch.tensor([number >= least for number in groups])
        if usable.any():
            mean = self.traces[:, usable].mean(1)
            return torch.where(mean.isnan(), mean[0], mean)
        traces = [factor(c.embeddings).trace for c in self.cells if len(c) > 1]
        plain = torch.stack(traces).mean() if traces else torch.tensor(nan).double()
        return plain.expand(len(self.weights))

    def exchanges(self, draws: int) -> Exchanges:
        """Return exchanges of groups, the same for all pairs of cells."""
        if draws not in self._exchanges:
            x, y = groups_of(self.xs), groups_of(self.ys)
            self._exchanges[draws] = Exchanges(x, y, draws, self.settings.seed)
        return self._exchanges[draws]


@dataclass(frozen=True)
class Comparison:
    """Two domains in one hidden state, or a domain with itself.

    Of a domain with itself every pair of emotions has one estimate, above the diagonal.

    Args:
        layer: Both domains of the hidden state.
        x: Which of them is x, 0 or 1.
        y: Which is y.
    """

    layer: Layer
    x: int
    y: int

    @property
    def settings(self) -> Settings:
        """How to estimate."""
        return self.layer.settings

    @property
    def xs(self) -> Cells:
        """The cells of x."""
        return (self.layer.xs, self.layer.ys)[self.x]

    @property
    def ys(self) -> Cells:
        """The cells of y; of a domain with itself, `xs`."""
        return (self.layer.xs, self.layer.ys)[self.y]

    @property
    def across(self) -> bool:
        """Whether the domains are two; a domain with itself is for reference."""
        return self.x != self.y

    @property
    def places(self) -> tuple[list[int], list[int]]:
        """The positions of the cells of x and of y among those of the layer."""
        first = (0, len(self.layer.xs))
        x, y = first[self.x], first[self.y]
        return list(range(x, x + len(self.xs))), list(range(y, y + len(self.ys)))

    def pairs(self) -> list[tuple[int, int]]:
        """Return the pairs of cells that have an estimate."""
        pairs = product(range(len(self.xs)), range(len(self.ys)))
        return [
            (i, j)
            for i, j in pairs
            if len(self.xs[i]) and len(self.ys[j]) and (self.across or i < j)
        ]

    def empty(self, *before: int) -> Tensor:
        """Return a table of NaN, `(*before, x emotions, y emotions)` float64."""
        shape = (*before, len(self.xs), len(self.ys))
        return torch.full(shape, nan, dtype=torch.float64)

    def freedom(self) -> Tensor:
        """Return degrees of freedom of every pair, `(x emotions, y emotions)`."""
        of_cells = self.layer.leaving_out.freedom
        x, y = (of_cells[places] for places in self.places)
        return torch.minimum(x[:, None], y)

    def table(
        self, value: Tensor, replicates: Tensor, exchanged: Tensor, used: Tensor | None
    ) -> Table:
        """Return a table with intervals and p-values.

        Args:
            value: `(x emotions, y emotions)`.
            replicates: `(blocks, x emotions, y emotions)`.
            exchanged: `(1 + draws, x emotions, y emotions)`; no test without draws.
            used: As in `Table`.
        """
        p = least = None
        if len(exchanged) > 1:
            least = self.least_p().masked_fill(value.isnan(), nan)
            p = torch.maximum(permutation_p(exchanged[0], exchanged[1:]), least)
        shown = p <= ALPHA if p is not None else torch.zeros_like(value).bool()
        variance = self.layer.leaving_out.variance(replicates)
        t = student_quantiles(self.settings.level, self.freedom())
        low, high = root_interval(value, variance, t, shown)
        return Table(value, low, high, p, used, replicates, exchanged, least_p=least)

    def least_p(self) -> Tensor:
        """Return the smallest p that exchanges of groups can give for every pair."""
        table = self.empty()
        for i, j in self.pairs():
            table[i, j] = least_p(self.xs[i].groups, self.ys[j].groups)
        return table


def traces_of(
    moments: AxisMoments, units: Units, weights: Tensor, cells: int
) -> Tensor:
    """Return the trace of every cell, `(selections, cells)`, for selections of units.

    Args:
        moments: Of the units.
        units: The units.
        weights: `(selections, units)` 1 for units that count, 0 for others.
        cells: Number of cells.
    """
    homes = torch.tensor(units.cells)
    of_cells = [moments.traces(weights * (homes == cell)) for cell in range(cells)]
    return torch.stack(of_cells, 1)


def frechet_terms_of(xs: Cells, ys: Cells) -> tuple[Tensor, Tensor]:
    """Return both terms of the Fréchet distance of all pairs of cells.

    Returns:
        `(x emotions, y emotions)` each; NaN where a cell has fewer than two clips, and
        of a domain with itself on and below the diagonal.
    """
    rows, columns = (
        [factor(cell.embeddings) if len(cell) > 1 else None for cell in cells]
        for cells in (xs, ys)
    )
    places, pairs = [], []
    for (i, a), (j, b) in product(enumerate(rows), enumerate(columns)):
        if a is not None and b is not None and (ys is not xs or i < j):
            places.append((i, j))
            pairs.append((a, b))
    mean = torch.full((len(xs), len(ys)), torch.nan, dtype=torch.float64)
    spread = mean.clone()
    if pairs:
        where = tuple(torch.tensor(places).T)
        mean[where], spread[where] = frechet_term_pairs(pairs)
    return mean, spread
