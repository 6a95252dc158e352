"""Exchanges of whole groups between two sets, for permutation tests."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import comb
from random import Random
from typing import TypeVar

import torch
from torch import Tensor

from crossemo.distances.cells import Cell

Name = TypeVar("Name", str, int)


class Exchanges:
    r"""Random exchanges of groups between two domains, the same for all their cells.

    Clips of one group belong together, so a group moves as a whole: one that is in
    both domains has its two sides exchanged or not, by the toss of a coin; those that
    are in one domain only are dealt anew, as many to each as before. Under the
    hypothesis that the domains don't differ each exchange of `exchangeable` cells is as
    likely as what was observed. Where all groups are in both domains and few enough,
    every exchange that differs is made, of which there are $2^{g - 1}$ with the
    present one. (Exchanging clips instead rejects a true hypothesis in most runs where
    actors differ.)

    Args:
        x: Groups of a domain.
        y: Groups of the other.
        draws: Number of exchanges; fewer where all are made.
        seed: Seed of the draws.
    """

    def __init__(
        self, x: Collection[str], y: Collection[str], draws: int, seed: int = 0
    ) -> None:
        names = sorted({*x, *y})
        self._place = {name: number for number, name in enumerate(names)}
        generator = torch.Generator().manual_seed(seed)
        few = set(x) == set(y) and 2 ** (len(names) - 1) <= draws + 1
        if few:
            patterns = torch.arange(1, 2 ** (len(names) - 1))[:, None]
            self._swapped = (patterns >> torch.arange(len(names))) % 2 == 1
        else:
            shape = (draws, len(names))
            self._swapped = torch.rand(shape, generator=generator) < 0.5
        self._order = torch.rand(self._swapped.shape, generator=generator)
        self._of_groups: dict[tuple[tuple[str, ...], ...], Tensor] = {}

    def __len__(self) -> int:
        return len(self._swapped)

    def between(self, x: Sequence[str], y: Sequence[str]) -> Tensor:
        """Return the exchanges of two cells.

        Args:
            x: Groups of a cell, each once.
            y: Groups of the other, each once.

        Returns:
            `(draws, len(x) + len(y))` bool: whether the first cell gets a group's
            clips, for those of x and then those of y.

        >>> Exchanges("ab", "ab", draws=9).between(["a", "b"], ["a", "b"])  # a alone
        tensor([[False,  True,  True, False]])
        """
        key = (tuple(x), tuple(y))  # the same for most pairs of cells
        if key not in self._of_groups:
            self._of_groups[key] = self._between(x, y)
        return self._of_groups[key]

    def _between(self, x: Sequence[str], y: Sequence[str]) -> Tensor:
        both = set(x) & set(y)
        sides = [(name, True) for name in x] + [(name, False) for name in y]
        in_first = torch.zeros(len(self), len(sides), dtype=torch.bool)
        for column, (name, in_x) in enumerate(sides):
            if name in both:
                in_first[:, column] = self._swapped[:, self._place[name]] != in_x
        alone = [n for n, (name, _) in enumerate(sides) if name not in both]
        order = self._order[:, [self._place[sides[n][0]] for n in alone]]
        ranks = order.argsort(1).argsort(1)
        in_first[:, alone] = ranks < len(x) - len(both)
        return in_first


def least_p(x: Collection[str], y: Collection[str]) -> float:
    r"""Return the smallest p-value that exchanges of two sets of groups can give.

    Of g groups in both sets, and a and b in one alone, there are
    $2^g \binom{a + b}{a}$ exchanges. Half of them mirror the others where a = b.

    >>> least_p("abcdef", "abcdef"), round(least_p("abcd", "efgh"), 3)
    (0.03125, 0.029)
    """
    both = set(x) & set(y)
    a, b = len(set(x) - both), len(set(y) - both)
    ways = comb(a + b, a) << len(both)
    return (1 + (a == b)) / ways


def exchangeable(x: Cell, y: Cell) -> tuple[Cell, Cell]:
    """Return two cells cut so that their groups can be exchanged.

    A group of eight clips for one of four would change how many clips the cells have,
    and with it their distance. So a group of both cells keeps equally many clips in
    each, and one that is in a single cell at most as many as the largest of such groups
    in the other. Which clips it keeps is drawn once and for all, as corpora list clips
    in an order of theirs.
    """
    counts = Counter(x.groups), Counter(y.groups)
    shared = counts[0] & counts[1]  # the fewer clips of a group
    largest = [
        max((n for group, n in sizes.items() if group not in shared), default=0)
        for sizes in counts
    ]
    most = min(largest) or max(largest)
    limits = {group: shared[group] or most for sizes in counts for group in sizes}
    return _fewer_clips(x, limits), _fewer_clips(y, limits)


def drawn_rows(names: Sequence[Name], limits: Mapping[Name, int]) -> list[int]:
    """Return rows of at most as many clips of each name as its limit, in order.

    Which is drawn by a seed that is always the same; names without a limit have none.
    """
    turns: Counter[Name] = Counter()
    rows = []
    for row in Random(0).sample(range(len(names)), len(names)):
        turns[names[row]] += 1
        if turns[names[row]] <= limits.get(names[row], 0):
            rows.append(row)
    return sorted(rows)


def _fewer_clips(cell: Cell, limits: Mapping[str, int]) -> Cell:
    """Return a cell of at most as many clips of each group as its limit."""
    counts = Counter(cell.groups)
    if all(counts[group] <= limits[group] for group in counts):
        return cell
    rows = drawn_rows(cell.groups, limits)
    return Cell(cell.embeddings[rows], tuple(cell.groups[row] for row in rows))
