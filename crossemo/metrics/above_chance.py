"""Fréchet distance above the level that few clips of few groups give by chance."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

from torch import Tensor

from crossemo.metrics.frechet import check_embeddings, factor, frechet_terms


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
        check_embeddings(clips)
        _check_groups(clips, groups)
    random = Random(seed)
    rounds = []
    for _ in range(splits):
        rows = _halves(x_groups, y_groups, random)
        xa, xb = factor(x[rows[0]]), factor(x[rows[1]])
        ya, yb = factor(y[rows[2]]), factor(y[rows[3]])
        pairs = ((xa, yb), (xb, ya), (xa, xb), (ya, yb))
        rounds.append([*(float(sum(frechet_terms(*pair))) for pair in pairs), xa.count])
    ab, ba, within_x, within_y, size = map(fmean, zip(*rounds, strict=True))
    across = (ab + ba) / 2
    value = across - (within_x + within_y) / 2
    return AboveChance(value, across, within_x, within_y, size)


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
