"""What estimators are given: two domains in one hidden state."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import torch
from torch import Tensor

from crossemo.distances.cells import Cell
from crossemo.distances.frechet import factor, frechet_term_pairs
from crossemo.distances.kernel import KernelSums, kernel_sums
from crossemo.similarity.settings import Settings

Cells = Sequence[Cell]


class Layer:
    """The cells of two domains in one hidden state, and what estimators share of them.

    Args:
        cells: The cells of one domain, then those of the other.
    """

    def __init__(self, cells: Cells) -> None:
        self.cells = cells

    @cached_property
    def kernel_sums(self) -> KernelSums:
        """The kernel's sums over all cells, with one bandwidth."""
        return kernel_sums(self.cells)

    @cached_property
    def fewest(self) -> int:
        """Clips of the smallest cell that has two or more; 0 where there is none."""
        return min((len(cell) for cell in self.cells if len(cell) > 1), default=0)


@dataclass(frozen=True)
class Comparison:
    """Two domains in one hidden state, or a domain with itself.

    Of a domain with itself every pair of emotions has one estimate, above the diagonal.

    Args:
        xs: Cells of one domain.
        ys: Cells of the other, or `xs` itself.
        layer: All cells of the hidden state.
        offsets: Positions of the first cell of each domain among those of the layer.
        settings: How to estimate.
    """

    xs: Cells
    ys: Cells
    layer: Layer
    offsets: tuple[int, int]
    settings: Settings

    @property
    def across(self) -> bool:
        """Whether the domains are two; a domain with itself is for reference."""
        return self.ys is not self.xs

    def empty(self) -> Tensor:
        """Return a table of NaN, `(x emotions, y emotions)` float64."""
        shape = (len(self.xs), len(self.ys))
        return torch.full(shape, torch.nan, dtype=torch.float64)


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
