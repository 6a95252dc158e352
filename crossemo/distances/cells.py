"""The clips of one emotion in one domain, and how clips of many groups are dealt."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor

from crossemo.distances.frechet import check_finite


@dataclass(frozen=True)
class Cell:
    """Embeddings with the group of each.

    Args:
        embeddings: `(n, d)`; n may be 0.
        groups: Group of each embedding: what makes some of them alike, such as the
            actor who speaks or sings.

    Raises:
        ValueError: The embeddings are not two-dimensional or hold NaN or infinity, or
            there is not one group for each.
    """

    embeddings: Tensor
    groups: tuple[str, ...]

    def __post_init__(self) -> None:
        check_finite(self.embeddings)
        if len(self.groups) != len(self.embeddings):
            raise ValueError(
                f"There are {len(self.embeddings)} embeddings and {len(self.groups)} "
                "groups: give the group of every clip."
            )

    def __len__(self) -> int:
        return len(self.groups)


class Turn(NamedTuple):
    """A place in the order in which clips are drawn from a cell.

    Args:
        number: How many clips of its group come before this one.
        draw: Random number that decides between groups.
        row: Row of the clip in its cell.
        group: Its group.
    """

    number: int
    draw: float
    row: int
    group: str


def in_turn(groups: Sequence[str], random: Random) -> list[Turn]:
    """Return clips in random order, one of each group by turns.

    The first m of them are a sample in which no group outweighs another.
    """
    turns: Counter[str] = Counter()
    order = []
    for row in random.sample(range(len(groups)), len(groups)):
        order.append(Turn(turns[groups[row]], random.random(), row, groups[row]))
        turns[groups[row]] += 1
    return sorted(order)


def rows_of(order: Sequence[Turn]) -> Tensor:
    """Return the rows of some turns, `(len(order),)`."""
    return torch.tensor([turn.row for turn in order], dtype=torch.long)


def groups_of(cells: Sequence[Cell]) -> set[str]:
    """Return the groups of all cells of a domain."""
    return set().union(*(cell.groups for cell in cells))


def deal(
    cells: Sequence[Collection[str]], sides: int, random: Random
) -> dict[str, int]:
    """Deal groups to sides, so that every cell has as many of its groups on each.

    Groups that are in many cells are dealt first, each to the side where its cells have
    the fewest groups so far.

    Args:
        cells: The groups of every cell of both domains.
        sides: Number of sides.
        random: Source of the order.

    Returns:
        Side of each group, from 0.
    """
    homes: dict[str, list[int]] = {}
    for number, groups in enumerate(cells):
        for group in sorted(set(groups)):
            homes.setdefault(group, []).append(number)
    counts = [[0] * sides for _ in cells]
    side_of: dict[str, int] = {}
    order = random.sample(sorted(homes), len(homes))
    for group in sorted(order, key=lambda name: -len(homes[name])):
        loads = [
            sum(counts[cell][side] for cell in homes[group]) for side in range(sides)
        ]
        lightest = [side for side in range(sides) if loads[side] == min(loads)]
        side_of[group] = random.choice(lightest)
        for cell in homes[group]:
            counts[cell][side_of[group]] += 1
    return side_of
