"""Fréchet distance above the level that few clips of few groups give by chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import nan
from random import Random

import torch
from torch import Tensor

from crossemo.distances.cells import Cell, Turn, deal, groups_of, in_turn, rows_of
from crossemo.distances.frechet import Factor, factor, frechet_term_pairs

MOST_BLOCKS = 12
_JACKKNIFED = 3  # splits; ten of them narrow an interval by a sixth at most

_Halves = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class AboveChance:
    """Fréchet distances of all pairs of cells, with their level by chance taken off.

    All are `(x cells, y cells)` float64 and NaN where half a cell has fewer than two
    clips; of one domain with itself, each pair of cells stands once, above the
    diagonal.

    Args:
        value: `across - floor`; near zero it may be slightly negative.
        across: Mean distance between halves of x and y.
        floor: Mean distance between the halves of x and between those of y: the level
            of chance at the same number of clips.
        clips: Clips per half, mean over the splits.
        replicates: `(blocks, x cells, y cells)`; the value without each block of
            groups in turn, for `crossemo.metrics.jackknife`.
    """

    value: Tensor
    across: Tensor
    floor: Tensor
    clips: Tensor
    replicates: Tensor


def frechet_above_chance(
    xs: Sequence[Cell],
    ys: Sequence[Cell],
    splits: int = 10,
    blocks: int = MOST_BLOCKS,
    seed: int = 0,
) -> AboveChance:
    r"""Return Fréchet distances above what two halves of one cell already have.

    $$ \tfrac12 [F(x_a, y_b) + F(x_b, y_a)] - \tfrac12 [F(x_a, x_b) + F(y_a, y_b)] $$

    averaged over random splits. Half a belongs to some groups (actors, songs) and
    half b to others, in x and y alike, so no distance is between clips of one actor;
    the four halves have equally many clips. Plain distances grow as samples shrink and
    with what is peculiar to each actor; both brackets grow alike. In simulations it was
    unbiased where the domains were alike or differed by a shift; of a difference in
    scale it told less than there is, the fewer actors the less (a tenth to a half).

    Args:
        xs: Cells of one domain, such as the emotions of speech.
        ys: Cells of the other; may be `xs` itself.
        splits: Number of random splits.
        blocks: Number of blocks of groups that are left out in turn; fewer where a
            domain has fewer groups, and none if 0.
        seed: Seed of the splits and of the blocks.

    Raises:
        ValueError: The cells differ in width, or `splits` is below one.

    >>> x = Cell(torch.tensor([[0.0], [2.0], [0.0], [2.0]]), ("a", "a", "b", "b"))
    >>> y = Cell(x.embeddings + 3, x.groups)  # only a shift
    >>> frechet_above_chance([x], [y]).value
    tensor([[9.]], dtype=torch.float64)
    """
    if splits < 1:
        raise ValueError(f"{splits} splits can't be averaged: ask for at least one.")
    count = min(blocks, len(groups_of(xs)), len(groups_of(ys)))
    # From a stream of its own, so that values don't depend on the blocks.
    every = [cell.groups for cell in (*xs, *ys)]
    block = deal(every, count, Random(f"blocks {seed}")) if count > 1 else {}
    random = Random(seed)
    rounds = [
        _round(xs, ys, block, count if block and number < _JACKKNIFED else 0, random)
        for number in range(splits)
    ]
    # A split may leave a cell too few clips on a side; the others count.
    across, floor, clips, value = torch.stack([one[0] for one in rounds]).nanmean(0)
    jackknifed = torch.stack([one[:, 3] for one in rounds[:_JACKKNIFED]]).nanmean(0)
    return AboveChance(
        value, across, floor, clips, value + jackknifed[1:] - jackknifed[0]
    )


def _round(
    xs: Sequence[Cell],
    ys: Sequence[Cell],
    block: dict[str, int],
    blocks: int,
    random: Random,
) -> Tensor:
    """Return what `_one_split` gives for all groups, then without each block."""
    side = deal([cell.groups for cell in (*xs, *ys)], 2, random)
    orders = [in_turn(cell.groups, random) for cell in xs]
    others = orders if ys is xs else [in_turn(cell.groups, random) for cell in ys]
    return torch.stack(
        [
            _one_split(
                xs,
                ys,
                [_halve(order, side, block, left_out) for order in orders],
                [_halve(order, side, block, left_out) for order in others],
            )
            for left_out in range(-1, blocks)
        ]
    )


def _halve(
    order: Sequence[Turn], side: dict[str, int], block: dict[str, int], left_out: int
) -> tuple[Tensor, Tensor]:
    """Return the rows of a cell on either side, without those of a block."""
    kept = [turn for turn in order if block.get(turn.group, -2) != left_out]
    a, b = ([turn for turn in kept if side[turn.group] == half] for half in (0, 1))
    return rows_of(a), rows_of(b)


def _one_split(
    xs: Sequence[Cell], ys: Sequence[Cell], x_halves: _Halves, y_halves: _Halves
) -> Tensor:
    """Return across, floor, clips and value, `(4, x cells, y cells)`."""
    x_factors = [_Factors(*pair) for pair in zip(xs, x_halves, strict=True)]
    y_factors = [_Factors(*pair) for pair in zip(ys, y_halves, strict=True)]
    found = torch.full((4, len(xs), len(ys)), nan, dtype=torch.float64)
    wanted: dict[tuple[int, int], list[tuple[Factor, Factor]]] = {}
    within: dict[tuple[str, int, int], tuple[Factor, Factor]] = {}
    for i, j in product(range(len(xs)), range(len(ys))):
        size = min(x_factors[i].clips, y_factors[j].clips)
        if size < 2 or (ys is xs and j <= i):
            continue
        (xa, xb), (ya, yb) = x_factors[i].of(size), y_factors[j].of(size)
        wanted[i, j] = [(xa, yb), (xb, ya)]
        within["x", i, size], within["y", j, size] = (xa, xb), (ya, yb)
        found[2, i, j] = size
    pairs = [pair for both in wanted.values() for pair in both] + list(within.values())
    mean, spread = frechet_term_pairs(pairs)
    distances = mean + spread
    across, inside = distances[: 2 * len(wanted)], distances[2 * len(wanted) :]
    level = dict(zip(within, inside, strict=True))
    for (i, j), distance in zip(wanted, across.view(-1, 2).mean(1), strict=True):
        size = int(found[2, i, j])
        floor = (level["x", i, size] + level["y", j, size]) / 2
        found[[0, 1, 3], i, j] = torch.stack((distance, floor, distance - floor))
    return found


class _Factors:
    """The two halves of a cell, cut to any number of clips."""

    def __init__(self, cell: Cell, halves: tuple[Tensor, Tensor]) -> None:
        self.clips = min(map(len, halves))
        self._cell = cell
        self._halves = halves
        self._made: dict[int, tuple[Factor, Factor]] = {}

    def of(self, size: int) -> tuple[Factor, Factor]:
        if size not in self._made:
            a, b = (factor(self._cell.embeddings[rows[:size]]) for rows in self._halves)
            self._made[size] = (a, b)
        return self._made[size]
