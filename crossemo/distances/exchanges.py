"""Exchanges of whole groups between two sets, for permutation tests."""

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from crossemo.distances.cells import Cell


def exchangeable(x: Cell, y: Cell) -> tuple[Cell, Cell]:
    """Return two cells cut so that their groups can be exchanged.

    A group of eight clips for one of four would change how many clips the cells have,
    and with it their distance. So a group of both cells keeps equally many clips in
    each, and one that is in a single cell at most as many as the largest of such groups
    in the other. Its first clips are kept.
    """
    counts = Counter(x.groups), Counter(y.groups)
    shared = counts[0] & counts[1]  # the fewer clips of a group
    largest = [
        max((n for group, n in sizes.items() if group not in shared), default=0)
        for sizes in counts
    ]
    most = min(largest) or max(largest)
    limits = {group: shared[group] or most for sizes in counts for group in sizes}
    return _first_clips(x, limits), _first_clips(y, limits)


def _first_clips(cell: Cell, limits: Mapping[str, int]) -> Cell:
    """Return a cell of at most as many clips of each group as its limit."""
    turns: Counter[str] = Counter()
    rows = []
    for row, group in enumerate(cell.groups):
        turns[group] += 1
        if turns[group] <= limits[group]:
            rows.append(row)
    return Cell(cell.embeddings[rows], tuple(cell.groups[row] for row in rows))


def exchanges(x: Sequence[str], y: Sequence[str], draws: int, seed: int = 0) -> Tensor:
    r"""Return random exchanges of groups between two cells.

    Clips of one group belong together, so a group moves as a whole: one that is in
    both cells has its two sides exchanged or not, by the toss of a coin; those that
    are in one cell only are dealt anew, as many to each cell as before. Under the
    hypothesis that the domains don't differ each exchange of `exchangeable` cells is as
    likely as what was observed. Of g groups that are in both cells there are
    $2^{g - 1}$ that differ, so that with fewer than six no p can be below
    0.05. (Exchanging clips instead rejects a true hypothesis in most runs where actors
    differ.)

    Args:
        x: Groups of a cell, each once.
        y: Groups of the other, each once.
        draws: Number of exchanges.
        seed: Seed of the draws.

    Returns:
        `(draws, len(x) + len(y))` bool: whether the first cell gets a group's clips,
        for those of x and then those of y.

    >>> exchanges(["a"], ["a"], draws=3).sum(1)  # one side of a group each
    tensor([1, 1, 1])
    """
    generator = torch.Generator().manual_seed(seed)
    in_first = torch.zeros(draws, len(x) + len(y), dtype=torch.bool)
    place = {group: len(x) + number for number, group in enumerate(y)}
    for number, group in enumerate(x):
        if group in place:
            in_first[:, number] = torch.rand(draws, generator=generator) < 0.5
            in_first[:, place[group]] = ~in_first[:, number]
    only_x = [number for number, group in enumerate(x) if group not in place]
    only_y = [place[group] for group in place if group not in set(x)]
    shape = (draws, len(only_x) + len(only_y))
    order = torch.rand(shape, generator=generator).argsort(1)
    in_first[:, only_x + only_y] = order < len(only_x)
    return in_first
