r"""How unequal several distances are, from products of four different groups.

The variance of distances $D_e$ over emotions e is
$V = \bigl(\sum_e Q_{ee} - \tfrac1k \sum_{ef} Q_{ef}\bigr) / (k - 1)$ with
$Q_{ef} = D_e D_f$. Estimates of $D_e$ and $D_f$ share their noise, so that their
product is too large. Here each product is a mean over kernels of clips of *four
different groups*, two for $D_e$ and two for $D_f$, whose noise is independent: Q and V
are exactly unbiased, and V may be negative.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from crossemo.distances.kernel import KernelSums

_SIGNS = torch.tensor([1.0, 1.0, -2.0], dtype=torch.float64)  # of x x', y y' and x y


def distance_products(sums: KernelSums, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Return products of the kernel distances of pairs of cells, unbiased.

    Args:
        sums: The kernel's sums over all cells.
        pairs: Positions of two cells each.

    Returns:
        `(pairs, pairs)` float64; NaN where there are too few groups.
    """
    by_groups = torch.stack([_by_groups(sums, x, y) for x, y in pairs])
    return _products(by_groups)


def distance_variance(products: Tensor) -> Tensor:
    """Return the variance over distances from their products.

    Args:
        products: `(..., k, k)` of `distance_products`.

    Returns:
        `(...)`, with k - 1 in the denominator.

    >>> d = torch.tensor([1.0, 2.0, 6.0])
    >>> distance_variance(torch.outer(d, d))  # the variance of d
    tensor(7.)
    """
    k = products.shape[-1]
    squares = products.diagonal(dim1=-2, dim2=-1).sum(-1)
    return (squares - products.sum((-2, -1)) / k) / (k - 1)


def variance_replicates(
    sums: KernelSums, pairs: Sequence[tuple[int, int]], weights: Tensor
) -> Tensor:
    """Return the variance over distances for several selections of units.

    Args:
        sums: The kernel's sums over all cells.
        pairs: Positions of two cells each.
        weights: `(selections, units)` 1 for units that count, 0 for others; all units
            of a group alike.

    Returns:
        `(selections,)` float64.
    """
    by_groups = torch.stack([_by_groups(sums, x, y) for x, y in pairs])
    names = sorted(set(sums.units.groups))
    of_groups = [sums.units.groups.index(name) for name in names]
    values = []
    for row in weights[:, of_groups].double():
        selected = by_groups * torch.outer(row, row)
        values.append(distance_variance(_products(selected)))
    return torch.stack(values) if values else torch.zeros(0, dtype=torch.float64)


def _by_groups(sums: KernelSums, x: int, y: int) -> Tensor:
    """Return sums and numbers of pairs by group, `(2, 3, groups, groups)`.

    The three are of x with x, y with y, and x with y; the last made symmetric.
    """
    names = sorted(set(sums.units.groups))
    place = {name: number for number, name in enumerate(names)}
    tables = torch.zeros(2, 3, len(names), len(names), dtype=torch.float64)
    units = [sums.units.of(cell) for cell in (x, y)]
    places = [torch.tensor([place[sums.units.groups[u]] for u in one]) for one in units]
    for number, (a, b) in enumerate(((0, 0), (1, 1), (0, 1))):
        for kind, matrix in enumerate((sums.sums, sums.pairs)):
            block = matrix[units[a]][:, units[b]]
            tables[kind, number][places[a][:, None], places[b]] = block
    return (tables + tables.mT) / 2


def _products(by_groups: Tensor) -> Tensor:
    """Return the products of distances from `(pairs, 2, 3, groups, groups)` sums."""
    pairs = len(by_groups)
    sums, counts = (
        _over_four_groups(by_groups[:, kind].flatten(0, 1)) for kind in (0, 1)
    )
    means = sums / torch.where(counts > 0.5, counts, torch.nan)
    signs = _SIGNS.repeat(pairs)
    signed = means * torch.outer(signs, signs)
    return signed.view(pairs, 3, pairs, 3).sum((1, 3))


def _over_four_groups(tables: Tensor) -> Tensor:
    """Return sums of products over four different groups, `(tables, tables)`.

    Args:
        tables: `(tables, groups, groups)`, symmetric, 0 on the diagonal.
    """
    rows = tables.sum(2)
    totals, flat = rows.sum(1), tables.flatten(1)
    return torch.outer(totals, totals) - 4 * rows @ rows.T + 2 * flat @ flat.T
