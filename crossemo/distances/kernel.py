"""Kernel distance (MMD²) between sets of embeddings, unbiased, from clips of groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crossemo.distances.cells import Cell

_CHUNK = 2**22  # entries of the kernel's matrix that are held at once


@dataclass(frozen=True)
class KernelSums:
    """The kernel's sums between every two units, a unit being a group in a cell.

    All kernel distances of the cells, with groups left out or exchanged, follow from
    these sums.

    Args:
        sums: `(units, units)` sums of k(x, x') over the clips of two units; 0 between
            two units of one group.
        pairs: `(units, units)` pairs of clips that were summed over.
        cells: Cell of every unit.
        groups: Group of every unit.
        bandwidth: The kernel's.
    """

    sums: Tensor
    pairs: Tensor
    cells: tuple[int, ...]
    groups: tuple[str, ...]
    bandwidth: float

    def units(self, cell: int) -> list[int]:
        """Return the positions of a cell's units."""
        return [unit for unit, home in enumerate(self.cells) if home == cell]

    def distance(self, x: int, y: int, weights: Tensor | None = None) -> Tensor:
        r"""Return the kernel distance of two cells.

        $$ E\,k(x, x') + E\,k(y, y') - 2 E\,k(x, y) $$

        Each mean is over pairs of clips from two different groups, so that what makes
        clips of one group alike has no part in it. With a group for every clip this is
        the unbiased MMD² of Gretton et al. (2012, lemma 6). It may be negative.

        Args:
            x: Position of a cell.
            y: Position of the other.
            weights: `(..., units)` 1 for units that count, 0 for others; all if None.

        Returns:
            `(...)` float64; NaN where a mean is over no pair.
        """
        if weights is None:
            weights = torch.ones(len(self.cells))
        weights = weights.to(torch.float64)
        cells = torch.tensor(self.cells)
        return self._distance(weights * (cells == x), weights * (cells == y))

    def exchanged(self, x: int, y: int, in_first: Tensor) -> Tensor:
        """Return the kernel distances of two cells whose groups were exchanged.

        Args:
            x: Position of a cell.
            y: Position of the other.
            in_first: `(draws, units of x + units of y)` 1 for units that the first
                cell has, see `crossemo.distances.exchanges.exchanges`.

        Returns:
            `(draws,)` float64.
        """
        units = self.units(x) + self.units(y)
        part = KernelSums(
            self.sums[units][:, units],
            self.pairs[units][:, units],
            tuple(self.cells[unit] for unit in units),
            tuple(self.groups[unit] for unit in units),
            self.bandwidth,
        )
        first = in_first.to(torch.float64)
        return part._distance(first, 1 - first)

    def _distance(self, first: Tensor, second: Tensor) -> Tensor:
        means = [
            _form(self.sums, a, b) / _form(self.pairs, a, b)
            for a, b in ((first, first), (second, second), (first, second))
        ]
        return means[0] + means[1] - 2 * means[2]


def kernel_sums(cells: Sequence[Cell], bandwidth: float | None = None) -> KernelSums:
    r"""Return the sums of a Gaussian kernel $\exp(-|x - x'|^2 / 2 h^2)$ over cells.

    Args:
        cells: Cells of one layer, of one domain or of several.
        bandwidth: h; the median distance between clips of all cells if None, which is
            one and the same for all pairs that are compared (Gretton et al., 2012).

    Raises:
        ValueError: The cells differ in width, there are fewer than two clips, or the
            bandwidth is not above 0.
    """
    clips = torch.cat([cell.embeddings.detach().to(torch.float64) for cell in cells])
    if len(clips) < 2:
        raise ValueError(
            f"A kernel distance needs two clips, and there is {len(clips)}."
        )
    clips = clips - clips.mean(0)
    if bandwidth is None:
        bandwidth = median_distance(clips) or 1.0  # all alike: any will do
    if not bandwidth > 0:
        raise ValueError(f"A bandwidth of {bandwidth} is no width: choose one above 0.")
    owners = [(number, g) for number, cell in enumerate(cells) for g in cell.groups]
    units = sorted(set(owners))
    position = {unit: number for number, unit in enumerate(units)}
    clip_units = torch.tensor([position[owner] for owner in owners])
    sums = _sums_by_unit(clips, clip_units, len(units), bandwidth)
    groups = tuple(group for _, group in units)
    names = {group: number for number, group in enumerate(sorted(set(groups)))}
    numbers = torch.tensor([names[group] for group in groups])
    other = (numbers[:, None] != numbers).double()
    sizes = clip_units.bincount(minlength=len(units)).double()
    pairs = torch.outer(sizes, sizes) * other
    homes = tuple(number for number, _ in units)
    return KernelSums(sums * other, pairs, homes, groups, bandwidth)


def _sums_by_unit(
    clips: Tensor, clip_units: Tensor, units: int, bandwidth: float
) -> Tensor:
    """Return the kernel's sums over the clips of every two units, `(units, units)`."""
    sums = torch.zeros(units, units, dtype=torch.float64)
    rows = max(1, _CHUNK // len(clips))
    for start in range(0, len(clips), rows):
        part = slice(start, start + rows)
        squares = torch.cdist(clips[part], clips).square()
        values = torch.exp(squares / (-2 * bandwidth**2))
        by_unit = torch.zeros(len(values), units, dtype=torch.float64)
        by_unit.index_add_(1, clip_units, values)
        sums.index_add_(0, clip_units[part], by_unit)
    return sums


def kernel_distance(x: Tensor, y: Tensor, bandwidth: float | None = None) -> Tensor:
    r"""Return the unbiased kernel distance (MMD²) of two sets of independent clips.

    $$ \frac{1}{m(m-1)} \sum_{i \ne j} k(x_i, x_j)
       + \frac{1}{n(n-1)} \sum_{i \ne j} k(y_i, y_j)
       - \frac{2}{mn} \sum_{i,j} k(x_i, y_j) $$

    (Gretton et al., 2012) with a Gaussian kernel.

    Args:
        x: `(m, d)`, m ≥ 2, in any precision; computed in float64.
        y: `(n, d)`, n ≥ 2.
        bandwidth: As in `kernel_sums`.

    Returns:
        A float64 scalar; slightly negative where the sets are alike.

    Raises:
        ValueError: As `kernel_sums`, or a set has fewer than two clips.

    >>> x = torch.tensor([[0.0], [0.0]])
    >>> kernel_distance(x, x + 2, bandwidth=1.0)  # 1 + 1 - 2 exp(-2)
    tensor(1.7293, dtype=torch.float64)
    """
    if min(len(x), len(y)) < 2:
        raise ValueError(
            f"The sets have {len(x)} and {len(y)} clips: a kernel distance needs two "
            "of each at least."
        )
    cells = [
        Cell(one, tuple(f"{name}{row}" for row in range(len(one))))
        for name, one in (("x", x), ("y", y))
    ]
    return kernel_sums(cells, bandwidth).distance(0, 1)


def median_distance(clips: Tensor, most: int = 2000, seed: int = 0) -> float:
    """Return the median distance between two clips.

    Args:
        clips: `(n, d)` float64, n ≥ 2.
        most: Clips that are looked at; drawn at random where there are more.
        seed: Seed of that draw.
    """
    if len(clips) > most:
        generator = torch.Generator().manual_seed(seed)
        clips = clips[torch.randperm(len(clips), generator=generator)[:most]]
    upper = torch.triu_indices(len(clips), len(clips), 1)
    return float(torch.cdist(clips, clips)[upper[0], upper[1]].median())


def _form(matrix: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return left · matrix · right for every draw."""
    return (left @ matrix * right).sum(-1)
