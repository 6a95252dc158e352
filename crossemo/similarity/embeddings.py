"""Embeddings of clips by hidden states: means over frames, or moments of the frames."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from crossemo.data.batch import Batch
from crossemo.data.gathering import ClipMeans
from crossemo.distances.cells import Cell
from crossemo.distances.frechet import Factor
from crossemo.distances.moments import Moments
from crossemo.encoders.masking import masked_mean
from crossemo.similarity.domains import FrameFactors

# Takes a batch and gives hidden states, `(batch, frames, width)` each, and their mask.
Encode = Callable[[Batch], tuple[Sequence[Tensor], Tensor]]


@dataclass(frozen=True)
class EmbeddedClips:
    """The clips of one domain.

    Args:
        values: `(clips, states, width)` each clip's mean over its frames.
        labels: `(clips,)` class of each.
        groups: Group of each.
    """

    values: Tensor
    labels: Tensor
    groups: tuple[str, ...]

    def cells(self, state: int, classes: int) -> list[Cell]:
        """Return the clips of every class in one hidden state."""
        cells = []
        for label in range(classes):
            rows = (self.labels == label).nonzero().flatten()
            groups = tuple(self.groups[row] for row in rows.tolist())
            cells.append(Cell(self.values[rows, state], groups))
        return cells

    def count_groups(self, classes: int) -> list[int]:
        """Return how many groups the clips of every class are of."""
        pairs = {*zip(self.labels.tolist(), self.groups, strict=True)}
        return [sum(one == label for one, _ in pairs) for label in range(classes)]


def pool_clips(encode: Encode, batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """Embed clips by the mean over their frames; to be called by all processes.

    Of a clip of several windows, it is the mean of theirs.

    Args:
        encode: Gives the hidden states of a batch and their mask.
        batches: The batches.

    Returns:
        Positions `(clips,)` in the dataset, ascending, and float32 values `(clips,
        states, width)` on the CPU, of the clips of all processes that are counted.
    """
    means = ClipMeans()
    for batch in batches:
        states, mask = encode(batch)
        # In float32: sums over frames pass the range of float16.
        pooled = torch.stack([masked_mean(f.float(), mask) for f in states], 1)
        means.add(batch.indices, batch.counted, pooled)
    return means.gather()


class FrameMoments:
    """Moments of the frames of one domain, for every state, class and half.

    Args:
        states: Number of hidden states.
        width: Features per frame.
        side: Half (0 or 1) that each group belongs to.
        device: Where the sums are kept.
    """

    def __init__(
        self,
        states: int,
        width: int,
        side: Mapping[str, int],
        device: torch.device | None = None,
    ) -> None:
        self.states, self.width = states, width
        self._side = side
        self._device = device
        self._moments: dict[tuple[int, int, int], Moments] = {}

    def update(
        self,
        states: Sequence[Tensor],
        mask: Tensor,
        batch: Batch,
        groups: Sequence[str],
    ) -> None:
        """Add the frames of a batch.

        Args:
            states: `(batch, frames, width)` each.
            mask: `(batch, frames)`, True on frames of the clip.
            batch: The batch; clips that aren't counted are left out.
            groups: Group of every clip of the domain.
        """
        for row, counted in enumerate(batch.counted.tolist()):
            if not counted:
                continue
            side = self._side[groups[int(batch.indices[row])]]
            for number, frames in enumerate(states):
                moments = self._of(number, int(batch.targets[row]), side)
                moments.update(frames[row][mask[row]])

    def factors(self, state: int, label: int) -> FrameFactors:
        """Return the frames of a class in one state; to be called by all processes.

        Args:
            state: Number of the state.
            label: Index of the class.
        """
        halves = [self._of(state, label, side).gathered() for side in (0, 1)]
        whole = Moments(self.width).to(self._device)
        for half in halves:
            whole.merge_state(half)
        return FrameFactors(*(_factor(one) for one in (whole, *halves)))

    def _of(self, state: int, label: int, side: int) -> Moments:
        key = (state, label, side)
        if key not in self._moments:
            self._moments[key] = Moments(self.width).to(self._device)
        return self._moments[key]


def _factor(moments: Moments) -> Factor | None:
    with suppress(ValueError):
        return moments.factor()
    return None
