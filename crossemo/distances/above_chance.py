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
    """Fréchet distances of all pairs of cells, less their level by chance.

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
    as actors differ more; both brackets grow alike. In simulations the value was
    unbiased where the domains were alike or differed by a shift; a difference in scale
    was underestimated, by a tenth to a half, the fewer actors the more.

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
    count = count if count > 1 else 0
    # From a stream of its own, so that values don't depend on the blocks.
    groups = [cell.groups for cell in (*xs, *ys)]
    block_of = deal(groups, count, Random(f"blocks {seed}")) if count else {}
    random = Random(seed)
    rounds = [
        _round(xs, ys, block_of, count if number < _JACKKNIFED else 0, random)
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
    block_of: dict[str, int],
    blocks: int,
    random: Random,
) -> Tensor:
    """Return what `_one_split` gives for all groups, then without each block."""
    side_of = deal([cell.groups for cell in (*xs, *ys)], 2, random)
    x_orders = [in_turn(cell.groups, random) for cell in xs]
    y_orders = x_orders if ys is xs else [in_turn(cell.groups, random) for cell in ys]
    return torch.stack(
        [
            _one_split(
                xs,
                ys,
                [_halve(order, side_of, block_of, block) for order in x_orders],
                [_halve(order, side_of, block_of, block) for order in y_orders],
            )
            for block in range(-1, blocks)  # -1 is nobody's
        ]
    )


def _halve(
    order: Sequence[Turn], side_of: dict[str, int], block_of: dict[str, int], block: int
) -> tuple[Tensor, Tensor]:
    """Return the rows of a cell on either side, without those of a block."""
    turns = [turn for turn in order if block_of.get(turn.group, -2) != block]
    a, b = ([turn for turn in turns if side_of[turn.group] == n] for n in (0, 1))
    return rows_of(a), rows_of(b)


def _one_split(
    xs: Sequence[Cell], ys: Sequence[Cell], x_halves: _Halves, y_halves: _Halves
) -> Tensor:
    """Return across, floor, clips and value, `(4, x cells, y cells)`."""
    x_factors = [_Factors(*pair) for pair in zip(xs, x_halves, strict=True)]
    y_factors = [_Factors(*pair) for pair in zip(ys, y_halves, strict=True)]
    sizes = {
        (i, j): size
        for i, j in product(range(len(xs)), range(len(ys)))
        if (size := min(x_factors[i].clips, y_factors[j].clips)) > 1
        and (ys is not xs or i < j)
    }
    pairs: dict[tuple[str | int, ...], tuple[Factor, Factor]] = {}
    for (i, j), size in sizes.items():
        (xa, xb), (ya, yb) = x_factors[i].of(size), y_factors[j].of(size)
        pairs["ab", i, j], pairs["ba", i, j] = (xa, yb), (xb, ya)
        pairs["x", i, size], pairs["y", j, size] = (xa, xb), (ya, yb)
    terms = torch.stack(frechet_term_pairs(list(pairs.values())))
    distances = dict(zip(pairs, terms.sum(0).tolist(), strict=True))
    table = torch.full((4, len(xs), len(ys)), nan, dtype=torch.float64)
    for (i, j), size in sizes.items():
        across = (distances["ab", i, j] + distances["ba", i, j]) / 2
        floor = (distances["x", i, size] + distances["y", j, size]) / 2
        values = (across, floor, size, across - floor)
        table[:, i, j] = torch.tensor(values, dtype=torch.float64)
    return table


class _Factors:
    """The two halves of a cell, cut to any number of clips."""

    def __init__(self, cell: Cell, halves: tuple[Tensor, Tensor]) -> None:
        self.clips = min(map(len, halves))
        self._cell = cell
        self._halves = halves
        self._factors: dict[int, tuple[Factor, Factor]] = {}

    def of(self, size: int) -> tuple[Factor, Factor]:
        if size not in self._factors:
            a, b = (factor(self._cell.embeddings[rows[:size]]) for rows in self._halves)
            self._factors[size] = (a, b)
        return self._factors[size]
