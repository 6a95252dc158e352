"""Groups within cells: the units that are independent of each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crossemo.distances.cells import Cell


@dataclass(frozen=True)
class Units:
    """The units of several cells, a unit being the clips of one group in one cell.

    Args:
        cells: Cell of every unit.
        groups: Group of every unit.
        of_clips: `(clips,)` unit of every clip, cell after cell.
    """

    cells: tuple[int, ...]
    groups: tuple[str, ...]
    of_clips: Tensor

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def sizes(self) -> Tensor:
        """Number of clips of every unit, `(units,)` float64."""
        return self.of_clips.bincount(minlength=len(self)).double()

    @property
    def apart(self) -> Tensor:
        """Whether two units are of different groups, `(units, units)` 0 or 1."""
        numbers = {group: number for number, group in enumerate(sorted(self.groups))}
        groups = torch.tensor([numbers[group] for group in self.groups])
        return (groups[:, None] != groups).double()

    def of(self, cell: int) -> list[int]:
        """Return the positions of a cell's units."""
        return [unit for unit, home in enumerate(self.cells) if home == cell]

    def add_up(self, values: Tensor) -> Tensor:
        """Return the sums of `(clips, ...)` values over the clips of every unit."""
        shape = (len(self), *values.shape[1:])
        return values.new_zeros(shape).index_add_(0, self.of_clips, values)


def units_of(cells: Sequence[Cell]) -> Units:
    """Return the units of cells, by cell and name of the group."""
    owners = [(number, g) for number, cell in enumerate(cells) for g in cell.groups]
    units = sorted(set(owners))
    position = {unit: number for number, unit in enumerate(units)}
    of_clips = torch.tensor([position[owner] for owner in owners], dtype=torch.long)
    homes, groups = [home for home, _ in units], [group for _, group in units]
    return Units(tuple(homes), tuple(groups), of_clips)
