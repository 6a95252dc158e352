"""Fréchet distance between Gaussians fitted to sets of embeddings, in float64."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

import torch
from torch import Tensor

# Rounding leaves about 1e-16 of the traces; below this the arithmetic is broken.
_ROUNDING = 1e-9


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
        ValueError: `x` is not two-dimensional, has fewer than two rows, or holds NaN
            or infinity.
    """
    _check(x)
    x = x.detach().to(torch.float64)
    mean = x.mean(0)
    root = (x - mean) / (len(x) - 1) ** 0.5
    if len(root) > root.shape[1]:
        root = torch.linalg.qr(root, mode="r").R
    return Factor(mean, root, len(x))


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
    if len(a.mean) != len(b.mean):
        raise ValueError(
            f"The sets have {len(a.mean)} and {len(b.mean)} features per embedding: "
            "only embeddings of one encoder can be compared."
        )
    traces = a.trace + b.trace
    nuclear = torch.linalg.svdvals(a.root @ b.root.T).sum()
    spread = traces - 2 * nuclear
    if spread < -_ROUNDING * traces:
        raise ArithmeticError(
            f"The covariance term came out as {float(spread):.3g} at a trace of "
            f"{float(traces):.3g}, which rounding does not explain: please report it."
        )
    return (a.mean - b.mean).square().sum(), spread.clamp(min=0)


def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    r"""Return the squared Fréchet distance between Gaussians fitted to two sets.

    $$ \lVert m_x - m_y \rVert^2 + \operatorname{tr}\bigl(
       S_x + S_y - 2 (S_x S_y)^{1/2} \bigr) $$

    the FID (Heusel et al., 2017) and FAD (Kilgour et al., 2019) of given embeddings,
    with unbiased covariances. It is far above zero for small samples of one
    distribution; see `frechet_above_chance`.

    Args:
        x: `(n1, d)`, n1 ≥ 2, in any precision; computed in float64.
        y: `(n2, d)`, n2 ≥ 2.

    Returns:
        A float64 scalar, at least 0, in squared units of the embeddings.

    Raises:
        ValueError: A set is not two-dimensional, has fewer than two rows, holds NaN
            or infinity, or the widths differ.

    >>> x = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    >>> frechet_distance(x, x + 3)  # only the means differ: 3² + 3²
    tensor(18., dtype=torch.float64)
    """
    return _distance(factor(x), factor(y))


def frechet_matrix(xs: Sequence[Tensor], ys: Sequence[Tensor]) -> Tensor:
    """Return the Fréchet distances of all pairs, each set reduced once.

    Args:
        xs: Sets `(n, d)`, n may differ from set to set.
        ys: Sets `(n, d)`; the same object as `xs` is reduced once.

    Returns:
        `(len(xs), len(ys))` float64; row i, column j is `frechet_distance(xs[i],
        ys[j])`.

    Raises:
        ValueError: As `frechet_distance`.
    """
    rows = [factor(x) for x in xs]
    columns = rows if ys is xs else [factor(y) for y in ys]
    pairs = [float(_distance(a, b)) for a in rows for b in columns]
    return torch.tensor(pairs, dtype=torch.float64).reshape(len(rows), len(columns))


def mean_trace(sets: Sequence[Tensor]) -> float:
    """Return the mean trace of the sets' covariances.

    Embeddings of different layers differ in scale; distances divided by this are
    comparable over layers. Take it over all sets of a layer, not pair by pair.

    Args:
        sets: Sets `(n, d)`.

    Raises:
        ValueError: As `factor`.
    """
    for x in sets:
        _check(x)
    return fmean(float(x.detach().to(torch.float64).var(0).sum()) for x in sets)


@dataclass(frozen=True)
class AboveChance:
    """A Fréchet distance with the level it has by chance taken off.

    Args:
        value: `across - (within_x + within_y) / 2`; near zero it may be slightly
            negative.
        across: Mean distance between halves of x and y.
        within_x: Mean distance between the halves of x, the level of chance.
        within_y: Mean distance between the halves of y.
        groups: Groups per half.
        clips: Clips per half, mean over the splits.
    """

    value: float
    across: float
    within_x: float
    within_y: float
    groups: int
    clips: float


def frechet_above_chance(
    x: Tensor,
    y: Tensor,
    x_groups: Sequence[str],
    y_groups: Sequence[str],
    splits: int = 10,
    seed: int = 0,
) -> AboveChance:
    r"""Return the Fréchet distance above what two halves of one set already have.

    $$ \tfrac12 [F(x_a, y_b) + F(x_b, y_a)] - \tfrac12 [F(x_a, x_b) + F(y_a, y_b)] $$

    averaged over random splits. Half a belongs to some groups (actors, songs) and
    half b to others, in x and y alike, so no distance is between clips of one actor;
    all halves have as many groups and as many clips. Plain distances grow as samples
    shrink and with what is peculiar to each actor; here both sides hold the same
    share of that. Large distances read a few per cent low.

    Args:
        x: `(n1, d)` embeddings, one per clip.
        y: `(n2, d)`.
        x_groups: Group of each clip of `x`.
        y_groups: Group of each clip of `y`.
        splits: Number of random splits.
        seed: Seed of the splits.

    Raises:
        ValueError: As `frechet_distance`; or there are not as many groups as clips, a
            set has fewer than two groups, a half has fewer than two clips, or no
            split is asked for.
    """
    for groups, clips in ((x_groups, x), (y_groups, y)):
        _check_groups(groups, clips)
    if splits < 1:
        raise ValueError(f"{splits} splits can't be averaged: ask for at least one.")
    random = Random(seed)
    size = min(len(set(x_groups)), len(set(y_groups))) // 2
    rounds = []
    for _ in range(splits):
        sides = _deal(set(x_groups), set(y_groups), random)
        rows = [
            _half(groups, side, size, random)
            for groups in (x_groups, y_groups)
            for side in sides
        ]
        clips = min(map(len, rows))
        picked = [random.sample(half, clips) for half in rows]
        xa, xb = (factor(x[half]) for half in picked[:2])
        ya, yb = (factor(y[half]) for half in picked[2:])
        pairs = ((xa, yb), (xb, ya), (xa, xb), (ya, yb))
        rounds.append([*(float(_distance(*pair)) for pair in pairs), clips])
    ab, ba, within_x, within_y, clips = map(fmean, zip(*rounds, strict=True))
    across = (ab + ba) / 2
    value = across - (within_x + within_y) / 2
    return AboveChance(value, across, within_x, within_y, size, clips)
