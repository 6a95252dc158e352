"""Kernel distance (MMD²) between sets of embeddings, unbiased, from clips of groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crossemo.distances.cell_units import Units, units_of
from crossemo.distances.cells import Cell

_CHUNK = 2**22  # entries of the kernel's matrix that are held at once


@dataclass(frozen=True)
class KernelSums:
    """The kernel's sums between every two units.

    All kernel distances of the cells, with groups left out or exchanged, follow from
    these sums.

    Args:
        units: The units.
        sums: `(units, units)` sums of k(x, x') over the clips of two units; 0 between
            two units of one group.
        pairs: `(units, units)` pairs of clips that were summed over.
        bandwidth: Of a Gaussian kernel; None for the linear one.
    """

    units: Units
    sums: Tensor
    pairs: Tensor
    bandwidth: float | None = None

    def distance(self, x: int, y: int, weights: Tensor | None = None) -> Tensor:
        r"""Return the kernel distance of two cells.

        $$ E\,k(x, x') + E\,k(y, y') - 2 E\,k(x, y) $$

        Each mean is over pairs of clips from two different groups, so that what makes
        clips of one group alike has no part in it. With a group for every clip this is
        the unbiased MMD² of Gretton et al. (2012, lemma 6). With the linear kernel it
        is the squared distance of the means. It may be negative.

        Args:
            x: Position of a cell.
            y: Position of the other.
            weights: `(..., units)` 1 for units that count, 0 for others; all if None.

        Returns:
            `(...)` float64; NaN where a mean is over no pair.
        """
        units = self.units.of(x) + self.units.of(y)
        first = torch.arange(len(units)) < len(self.units.of(x))
        if weights is None:
            weights = torch.ones(len(self.units))
        weights = weights[..., units].double()
        return self._distance(units, weights * first, weights * ~first)

    def exchanged(self, x: int, y: int, in_first: Tensor) -> Tensor:
        """Return the kernel distances of two cells whose groups were exchanged.

        Args:
            x: Position of a cell.
            y: Position of the other.
            in_first: `(draws, units of x + units of y)` 1 for units that the first
                cell has, see `crossemo.distances.exchanges.Exchanges`.

        Returns:
            `(draws,)` float64.
        """
        first = in_first.double()
        units = self.units.of(x) + self.units.of(y)
        return self._distance(units, first, 1 - first)

    def merged(self, names: Sequence[str]) -> "KernelSums":
        """Return the sums with several groups as one, such as those of a block.

        Args:
            names: Name of the larger group of every unit.
        """
        owners = list(zip(self.units.cells, names, strict=True))
        units = sorted(set(owners))
        position = {unit: number for number, unit in enumerate(units)}
        place = torch.tensor([position[owner] for owner in owners])
        homes, groups = [home for home, _ in units], [name for _, name in units]
        larger = Units(tuple(homes), tuple(groups), place[self.units.of_clips])

        def add_up(matrix: Tensor) -> Tensor:
            rows = matrix.new_zeros(len(units), len(names)).index_add_(0, place, matrix)
            both = rows.new_zeros(len(units), len(units))
            return both.index_add_(1, place, rows) * larger.apart

        return KernelSums(larger, add_up(self.sums), add_up(self.pairs), self.bandwidth)

    def _distance(self, units: list[int], first: Tensor, second: Tensor) -> Tensor:
        sums, pairs = (m[units][:, units] for m in (self.sums, self.pairs))
        means = [
            _form(sums, a, b) / _form(pairs, a, b)
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
    clips = _centred(cells)
    if len(clips) < 2:
        raise ValueError(
            f"A kernel distance needs two clips, and there is {len(clips)}."
        )
    gaps = None
    if bandwidth is None and len(clips) ** 2 <= _CHUNK:
        gaps = torch.cdist(clips, clips)
    if bandwidth is None:
        # All alike: any will do.
        bandwidth = median_distance(clips, gaps) or 1.0
    if not bandwidth > 0:
        raise ValueError(f"A bandwidth of {bandwidth} is no width: choose one above 0.")
    units = units_of(cells)
    sums = _sums_by_unit(clips, units, bandwidth, gaps)
    return KernelSums(units, sums * units.apart, _pairs(units), bandwidth)


def linear_sums(cells: Sequence[Cell]) -> KernelSums:
    """Return the sums of the kernel x · x', by which distances are those of means.

    Args:
        cells: Cells of one layer, of one domain or of several.

    >>> x = Cell(torch.tensor([[0.0], [2.0]]), ("a", "b"))
    >>> y = Cell(torch.tensor([[4.0], [6.0]]), ("a", "b"))
    >>> linear_sums([x, y]).distance(0, 1)  # (0 - 4) * (2 - 6), of different groups
    tensor(16., dtype=torch.float64)
    """
    units = units_of(cells)
    totals = units.add_up(_centred(cells))
    return KernelSums(units, totals @ totals.T * units.apart, _pairs(units))


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


def median_distance(
    clips: Tensor, gaps: Tensor | None = None, most: int = 2000, seed: int = 0
) -> float:
    """Return the median distance between two clips.

    Args:
        clips: `(n, d)` float64, n ≥ 2.
        gaps: `(n, n)` their distances; computed if None.
        most: Clips that are looked at; drawn at random where there are more.
        seed: Seed of that draw.
    """
    if len(clips) > most:
        generator = torch.Generator().manual_seed(seed)
        rows = torch.randperm(len(clips), generator=generator)[:most]
        clips, gaps = clips[rows], None
    if gaps is None:
        gaps = torch.cdist(clips, clips)
    upper = torch.ones_like(gaps, dtype=torch.bool).triu(1)
    return float(gaps[upper].median())


def _centred(cells: Sequence[Cell]) -> Tensor:
    clips = torch.cat([cell.embeddings.detach().to(torch.float64) for cell in cells])
    return clips - clips.mean(0)


def _pairs(units: Units) -> Tensor:
    return torch.outer(units.sizes, units.sizes) * units.apart


def _sums_by_unit(
    clips: Tensor, units: Units, bandwidth: float, gaps: Tensor | None
) -> Tensor:
    """Return the kernel's sums over the clips of every two units, `(units, units)`."""
    sums = torch.zeros(len(units), len(units), dtype=torch.float64)
    rows = max(1, _CHUNK // len(clips))
    for start in range(0, len(clips), rows):
        part = slice(start, start + rows)
        of_part = torch.cdist(clips[part], clips) if gaps is None else gaps[part]
        values = torch.exp(of_part.square() / (-2 * bandwidth**2))
        by_unit = units.add_up(values.T).T
        sums.index_add_(0, units.of_clips[part], by_unit)
    return sums


def _form(matrix: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return left · matrix · right for every draw."""
    return (left @ matrix * right).sum(-1)
