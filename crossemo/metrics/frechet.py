"""Fréchet distance between Gaussians fitted to sets of embeddings, in float64."""

from collections import Counter
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
        ValueError: As `factor`, or the sets differ in width.

    >>> x = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    >>> frechet_distance(x, x + 3)  # only the means differ: 3² + 3²
    tensor(18., dtype=torch.float64)
    """
    return _distance(factor(x), factor(y))


def frechet_matrix(xs: Sequence[Tensor], ys: Sequence[Tensor]) -> Tensor:
    """Return the Fréchet distances of all pairs, each set reduced once.

    Args:
        xs: Sets `(n, d)`, n may differ from set to set.
        ys: Sets `(n, d)`; may be `xs` itself.

    Returns:
        `(len(xs), len(ys))` float64.

    Raises:
        ValueError: As `frechet_distance`.
    """
    rows = [factor(x) for x in xs]
    columns = rows if ys is xs else [factor(y) for y in ys]
    pairs = [float(_distance(a, b)) for a in rows for b in columns]
    return torch.tensor(pairs, dtype=torch.float64).reshape(len(rows), len(columns))


def mean_trace(sets: Sequence[Tensor]) -> float:
    """Return the mean trace of the sets' covariances.

    Layers differ in scale; distances divided by this, taken over all sets of a layer,
    are comparable over layers.

    Raises:
        ValueError: As `factor`.
    """
    return fmean(float(factor(x).trace) for x in sets)


@dataclass(frozen=True)
class AboveChance:
    """A Fréchet distance with the level it has by chance taken off.

    Args:
        value: `across - (within_x + within_y) / 2`; near zero it may be slightly
            negative.
        across: Mean distance between halves of x and y.
        within_x: Mean distance between the halves of x, the level of chance.
        within_y: Mean distance between the halves of y.
        clips: Clips per half, mean over the splits.
    """

    value: float
    across: float
    within_x: float
    within_y: float
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
    shrink and with what is peculiar to each actor; both brackets grow alike. Large
    distances read a few per cent low.

    Args:
        x: `(n1, d)` embeddings, one per clip.
        y: `(n2, d)`.
        x_groups: Group of each clip of `x`.
        y_groups: Group of each clip of `y`.
        splits: Number of random splits.
        seed: Seed of the splits.

    Raises:
        ValueError: As `frechet_distance`; or a clip has no group, a set has fewer
            than two groups, a half fewer than two clips, or `splits` is below one.
    """
    if splits < 1:
        raise ValueError(f"{splits} splits can't be averaged: ask for at least one.")
    for clips, groups in ((x, x_groups), (y, y_groups)):
        _check(clips)
        _check_groups(clips, groups)
    random = Random(seed)
    rounds = []
    for _ in range(splits):
        rows = _halves(x_groups, y_groups, random)
        xa, xb = factor(x[rows[0]]), factor(x[rows[1]])
        ya, yb = factor(y[rows[2]]), factor(y[rows[3]])
        pairs = ((xa, yb), (xb, ya), (xa, xb), (ya, yb))
        rounds.append([*(float(_distance(*pair)) for pair in pairs), xa.count])
    ab, ba, within_x, within_y, size = map(fmean, zip(*rounds, strict=True))
    across = (ab + ba) / 2
    value = across - (within_x + within_y) / 2
    return AboveChance(value, across, within_x, within_y, size)


def _distance(a: Factor, b: Factor) -> Tensor:
    mean, spread = frechet_terms(a, b)
    return mean + spread


def _halves(
    x_groups: Sequence[str], y_groups: Sequence[str], random: Random
) -> list[list[int]]:
    """Return the rows of xa, xb, ya and yb, equally many of each."""
    size = min(len(set(x_groups)), len(set(y_groups))) // 2
    sides = _deal(set(x_groups), set(y_groups), random)
    halves = []
    for groups in (x_groups, y_groups):
        for side in sides:
            kept = random.sample(sorted(side & set(groups)), size)
            halves.append(_in_turn(groups, set(kept), random))
    clips = min(map(len, halves))
    if clips < 2:
        raise ValueError(
            f"Half a set is {clips} clip: a covariance needs two clips at least, so "
            "take sets with more clips or groups."
        )
    return [half[:clips] for half in halves]


def _in_turn(groups: Sequence[str], kept: set[str], random: Random) -> list[int]:
    """Return the rows of some groups, one of each group by turns, in random order."""
    turn: Counter[str] = Counter()
    order = []
    for row in random.sample(range(len(groups)), len(groups)):
        turn[groups[row]] += 1
        if groups[row] in kept:
            order.append((turn[groups[row]], random.random(), row))
    return [row for *_, row in sorted(order)]


def _deal(x: set[str], y: set[str], random: Random) -> tuple[set[str], set[str]]:
    """Deal groups to two sides so that x and y both have half of theirs on each."""
    sides: tuple[set[str], set[str]] = (set(), set())
    for pool, of in ((x & y, x), (x - y, x), (y - x, y)):
        for group in random.sample(sorted(pool), len(pool)):
            excess = len(sides[0] & of) - len(sides[1] & of)
            smaller = random.randrange(2) if excess == 0 else int(excess > 0)
            sides[smaller].add(group)
    return sides


def _check(x: Tensor) -> None:
    if x.ndim != 2:
        raise ValueError(
            f"A set of embeddings has shape (n, d), not {tuple(x.shape)}: pool the "
            "frames of each clip first."
        )
    if len(x) < 2:
        raise ValueError(
            f"A covariance needs two embeddings at least and this set has {len(x)}: "
            "leave the set out or add clips."
        )
    if not x.isfinite().all():
        row = int((~x.isfinite()).any(1).nonzero()[0])
        raise ValueError(
            f"Embedding {row} of {len(x)} holds NaN or infinity: look at the clip and "
            "at the precision of the encoder."
        )


def _check_groups(x: Tensor, groups: Sequence[str]) -> None:
    if len(groups) != len(x):
        raise ValueError(
            f"There are {len(x)} embeddings and {len(groups)} groups: give the group "
            "of every clip."
        )
    if len(set(groups)) < 2:
        raise ValueError(
            f"All clips are of {groups[0]}: halves need two groups at least."
        )
