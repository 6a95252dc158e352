"""A domain in one hidden state: its clips, or moments of their frames, by emotion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crossemo.distances.cells import Cell
from crossemo.distances.frechet import Factor


@dataclass(frozen=True)
class Domain:
    """The clips of a domain.

    Args:
        name: Name of the domain, such as its role.
        cells: A cell for each emotion; it may be empty.
    """

    name: str
    cells: Sequence[Cell]

    @property
    def counts(self) -> list[int]:
        """Number of clips of each emotion."""
        return [len(cell) for cell in self.cells]

    @property
    def groups(self) -> list[int]:
        """Number of groups of each emotion."""
        return [len(set(cell.groups)) for cell in self.cells]


class FrameFactors(NamedTuple):
    """The frames of one emotion; None stands for fewer than two frames.

    Args:
        whole: All frames.
        first: Frames of the first half of the groups.
        second: Frames of the second half.
    """

    whole: Factor | None
    first: Factor | None
    second: Factor | None


@dataclass(frozen=True)
class FrameDomain:
    """The frames of a domain.

    Args:
        name: Name of the domain.
        factors: The frames of each emotion; their halves are of the same groups in
            both domains that are compared.
        groups: Number of groups of each emotion.
    """

    name: str
    factors: Sequence[FrameFactors]
    groups: Sequence[int]

    @property
    def counts(self) -> list[int]:
        """Number of frames of each emotion."""
        return [one.whole.count if one.whole else 0 for one in self.factors]
