"""Fréchet distance between Gaussians fitted to sets of embeddings, in float64."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

# Rounding leaves about 1e-16 of the traces; below this the arithmetic is broken.
_ROUNDING = 1e-9
_SMALLEST = torch.finfo(torch.float64).tiny
_WORTH_A_THREAD = 64  # rows; smaller matrices cost less than handing them over


@dataclass(frozen=True)
class Factor:
    """A set of embeddings as its mean and a root of its covariance.

    Args:
        mean: `(d,)`.
        root: `(r, d)` with `r = min(n, d)` rows; `root.T @ root` is the unbiased
            covariance.
        count: Number of embeddings, n.
    """

    mean: Tensor
    root: Tensor
    count: int

    @property
    def trace(self) -> Tensor:
        """Trace of the covariance."""
        return self.root.square().sum()


def factor(x: Tensor) -> Factor:
    """Reduce a set to what its distances to other sets need.

    Args:
        x: `(n, d)` embeddings in any precision; n < d is fine.

    Raises:
        ValueError: As `check_embeddings`.
    """
    check_embeddings(x)
    x = x.detach().to(torch.float64)
    mean = x.mean(0)
    root = (x - mean) / (len(x) - 1) ** 0.5
    if len(root) > root.shape[1]:
        root = torch.linalg.qr(root, mode="r").R
    return Factor(mean, root, len(x))


def factor_from_moments(mean: Tensor, covariance: Tensor, count: int) -> Factor:
    """Reduce a set of which only the moments were kept.

    Of `count` embeddings at most `count - 1` directions vary. The other eigenvalues
    of the covariance are rounding, whose roots would add up, and are left out.

    Args:
        mean: `(d,)`.
        covariance: `(d, d)`, unbiased.
        count: Number of embeddings that the moments are of.

    Raises:
        ValueError: The shapes don't fit, the count is below two, or the moments hold
            NaN or infinity.
    """
    d = len(mean)
    if covariance.shape != (d, d):
        raise ValueError(
            f"A mean of {d} features and a covariance of shape "
            f"{tuple(covariance.shape)} are not of one set."
        )
    _check_count(count)
    mean = mean.detach().to(torch.float64)
    covariance = covariance.detach().to(torch.float64)
    if not (mean.isfinite().all() and covariance.isfinite().all()):
        raise ValueError("The moments hold NaN or infinity: look at the embeddings.")
    values, vectors = torch.linalg.eigh((covariance + covariance.T) / 2)
    rank = min(count - 1, d)
    roots = values[-rank:].clamp(min=0).sqrt()
    return Factor(mean, roots[:, None] * vectors[:, -rank:].T, count)


def frechet_terms(a: Factor, b: Factor) -> tuple[Tensor, Tensor]:
    r"""Return the two terms of the squared Fréchet distance between Gaussians.

    $$ \lVert m_a - m_b \rVert^2 \quad\text{and}\quad
       \operatorname{tr} S_a + \operatorname{tr} S_b
       - 2 \operatorname{tr} (S_a S_b)^{1/2} $$

    (Dowson & Landau, 1982). The last trace is the nuclear norm of `A @ B.T` for any
    roots `A.T @ A = S_a` and `B.T @ B = S_b`. That needs no square root of a `(d, d)`
    matrix and stays exact for singular covariances.

    Returns:
        Mean term and covariance term, float64 scalars, never negative.

    Raises:
        ValueError: The sets differ in width.
        ArithmeticError: The covariance term is negative beyond rounding.
    """
    mean, spread = frechet_term_pairs([(a, b)])
    return mean[0], spread[0]


def frechet_term_pairs(pairs: Sequence[tuple[Factor, Factor]]) -> tuple[Tensor, Tensor]:
    """Return `frechet_terms` of many pairs, `(pairs,)` each.

    Large pairs are shared out over `torch.get_num_threads()` threads.

    Raises:
        ValueError: As `frechet_terms`.
        ArithmeticError: As `frechet_terms`.
    """
    for a, b in pairs:
        if len(a.mean) != len(b.mean):
            raise ValueError(
                f"The sets have {len(a.mean)} and {len(b.mean)} features per "
                "embedding: only embeddings of one encoder can be compared."
            )
    if not pairs:
        return torch.zeros(0, dtype=torch.float64), torch.zeros(0, dtype=torch.float64)
    # Differences first: the product of means that are large and alike would cancel.
    means = torch.stack([(a.mean - b.mean).square().sum() for a, b in pairs])
    traces = torch.stack([a.trace + b.trace for a, b in pairs])
    spreads = traces - 2 * torch.stack(_nuclear_norms(pairs))
    worst = int((spreads / traces.clamp(min=_SMALLEST)).argmin())
    if spreads[worst] < -_ROUNDING * traces[worst]:
        raise ArithmeticError(
            f"The covariance term came out as {float(spreads[worst]):.3g} at a trace "
            f"of {float(traces[worst]):.3g}, which rounding does not explain: please "
            "report it."
        )
    return means, spreads.clamp(min=0)


def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    r"""Return the squared Fréchet distance between Gaussians fitted to two sets.

    $$ \lVert m_x - m_y \rVert^2 + \operatorname{tr}\bigl(
       S_x + S_y - 2 (S_x S_y)^{1/2} \bigr) $$

    the FID (Heusel et al., 2017) and FAD (Kilgour et al., 2019) of given embeddings,
    with unbiased covariances. It is far above zero for small samples of one
    distribution; see `crossemo.distances.above_chance`.

    Args:
        x: `(n1, d)`, n1 ≥ 2, in any precision; computed in float64.
        y: `(n2, d)`, n2 ≥ 2.

    Returns:
        A float64 scalar, at least 0, in squared units of the embeddings.

    Raises:
        ValueError: As `factor`, or the sets differ in width.

    >>> x = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    >>> frechet_distance(x, x + 3)  # only the means differ: 3² + 3²
    tensor(18., dtype=torch.float64)
    """
    mean, spread = frechet_terms(factor(x), factor(y))
    return mean + spread


def mean_trace(sets: Sequence[Tensor]) -> float:
    """Return the mean trace of the sets' covariances.

    Layers differ in scale; distances divided by this, taken over all sets of a layer,
    are comparable over layers.

    Raises:
        ValueError: As `factor`.
    """
    return fmean(float(factor(x).trace) for x in sets)


def check_embeddings(x: Tensor) -> None:
    """Check that a set of embeddings has a mean and a covariance.

    Raises:
        ValueError: As `check_finite`, or there are fewer than two rows.
    """
    check_finite(x)
    _check_count(len(x))


def check_finite(x: Tensor) -> None:
    """Check that a tensor is a set of finite embeddings.

    Raises:
        ValueError: `x` is not two-dimensional, or holds NaN or infinity.
    """
    if x.ndim != 2:
        raise ValueError(
            f"A set of embeddings has shape (n, d), not {tuple(x.shape)}: pool the "
            "frames of each clip first."
        )
    if not x.isfinite().all():
        row = int((~x.isfinite()).any(1).nonzero()[0])
        raise ValueError(
            f"Embedding {row} of {len(x)} holds NaN or infinity: look at the clip and "
            "at the precision of the encoder."
        )


def _check_count(count: int) -> None:
    if count < 2:
        raise ValueError(
            f"A covariance needs two embeddings at least and this set has {count}: "
            "leave the set out or add clips."
        )


def _nuclear_norms(pairs: Sequence[tuple[Factor, Factor]]) -> list[Tensor]:
    threads = torch.get_num_threads()
    smallest = min(min(len(a.root), len(b.root)) for a, b in pairs)
    if threads == 1 or smallest < _WORTH_A_THREAD:
        return list(map(_nuclear_norm, pairs))
    # One thread for each matrix: threads of threads would wait for one another.
    try:
        with ThreadPoolExecutor(threads, "svd", torch.set_num_threads, (1,)) as pool:
            return list(pool.map(_nuclear_norm, pairs))
    finally:
        torch.set_num_threads(threads)


def _nuclear_norm(pair: tuple[Factor, Factor]) -> Tensor:
    a, b = pair
    values: Tensor = torch.linalg.svdvals(a.root @ b.root.T)
    return values.sum()
