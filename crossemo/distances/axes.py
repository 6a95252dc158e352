"""Covariances along a few axes, for very many selections of groups at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from crossemo.distances.cell_units import Units

_RIDGE = 1e-10  # of the mean variance, for sets of fewer clips than axes


@dataclass(frozen=True)
class AxisMoments:
    """Sums over the clips of every unit, from which covariances of any units follow.

    Args:
        sizes: `(units,)` clips.
        sums: `(units, axes)`.
        squares: `(units, axes, axes)` sums of outer products.
    """

    sizes: Tensor
    sums: Tensor
    squares: Tensor

    def covariances(self, weights: Tensor) -> Tensor:
        """Return the covariances of the clips of some units.

        Args:
            weights: `(..., units)` 1 for units that count, 0 for others.

        Returns:
            `(..., axes, axes)`, unbiased for independent clips; NaN for fewer than two.
        """
        count = (weights @ self.sizes)[..., None, None]
        mean = (weights @ self.sums)[..., None] / count
        axes = self.sums.shape[1]
        total = weights @ self.squares.flatten(1)
        total = total.view(*weights.shape[:-1], axes, axes)
        inner = total - count * mean @ mean.mT
        return torch.where(count > 1, inner / (count - 1), torch.nan)

    def means(self, weights: Tensor) -> Tensor:
        """Return the means of the clips of some units, `(..., axes)`."""
        return weights @ self.sums / (weights @ self.sizes)[..., None]

    def traces(self, weights: Tensor) -> Tensor:
        r"""Return the traces of the covariances of clips and groups together.

        $E|x|^2 - E\,x \cdot x'$ with x and x' of two different groups, which is
        unbiased where the clips of a group are alike. It is for the units of one cell.

        Args:
            weights: As in `covariances`.

        Returns:
            `(...)`; NaN for fewer than two groups.
        """
        sizes, of_units = weights * self.sizes, self.sums.square().sum(1)
        count = sizes.sum(-1)
        squares = (weights @ self.squares.diagonal(dim1=1, dim2=2)).sum(-1)
        total = (weights @ self.sums).square().sum(-1)
        pairs = count.square() - sizes.square().sum(-1)
        across = (total - weights @ of_units) / torch.where(pairs > 0, pairs, torch.nan)
        return squares / count - across


def axis_moments(coordinates: Tensor, units: Units) -> AxisMoments:
    """Return the moments of clips.

    Args:
        coordinates: `(clips, axes)` float64.
        units: Which unit each clip is of.
    """
    outer = coordinates[:, :, None] * coordinates[:, None]
    return AxisMoments(units.sizes, units.add_up(coordinates), units.add_up(outer))


def roots_of(covariances: Tensor) -> Tensor:
    """Return a root of every covariance, `(..., d, d)` with `root @ root.mT`.

    A trace's share of 1e-10 is added, as few clips have no variance along some axes.
    NaN where a covariance is.
    """
    d = covariances.shape[-1]
    mean = covariances.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    known = mean.isfinite() & (mean > 0)
    ridge = _RIDGE * mean * torch.eye(d, dtype=covariances.dtype)
    safe = torch.where(known, covariances + ridge, torch.eye(d).to(covariances))
    return torch.where(known, torch.linalg.cholesky_ex(safe).L, mean * 0)


def fidelities(a: Tensor, b: Tensor) -> Tensor:
    r"""Return $\operatorname{tr}(S_a S_b)^{1/2}$ of covariances from their roots.

    Args:
        a: `(..., d, d)` of `roots_of`.
        b: `(..., d, d)`.

    Returns:
        `(...)`, to about 1e-8 of the traces; NaN where a root is.
    """
    return nuclear_norms(a.mT @ b)


def nuclear_norms(matrices: Tensor) -> Tensor:
    """Return the sums of the singular values of `(..., m, n)` matrices, `(...)`.

    By the eigenvalues of the smaller product, which takes half the time of singular
    values and leaves half the digits.
    """
    wide = matrices.shape[-1] > matrices.shape[-2]
    product = matrices @ matrices.mT if wide else matrices.mT @ matrices
    unknown = ~product.flatten(-2).isfinite().all(-1)
    product = product.masked_fill(unknown[..., None, None], 0)
    values: Tensor = torch.linalg.eigvalsh(product)
    return values.clamp(min=0).sqrt().sum(-1).masked_fill(unknown, torch.nan)
