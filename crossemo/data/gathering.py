"""Bring what every process computed for its clips together, each clip once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor
from torch import distributed as dist

# `predictions` (batch, outputs), `targets`, `indices` and `counted` of a batch.
Prediction = dict[str, Tensor]

_GATHERED = ("indices", "targets", "predictions")


@dataclass(frozen=True)
class Judged:
    """What a model said of the clips of a role.

    Args:
        predictions: `(clips, outputs)`, such as probabilities.
        targets: `(clips,)` or `(clips, outputs)`.
        units: Unit of each clip (speaker, song, artist).
        places: Position of each clip among the test clips of its role.
    """

    predictions: Tensor
    targets: Tensor
    units: Sequence[str]
    places: Sequence[int] = ()


class Predictions:
    """What a model says of the clips of every role, kept batch by batch."""

    def __init__(self) -> None:
        self._batches: dict[int, list[list[Tensor]]] = defaultdict(list)

    def add(self, outputs: STEP_OUTPUT, role: int) -> None:
        """Take a batch of the role of that number, without repeated clips."""
        batch = cast(Prediction, outputs)
        counted = batch["counted"]
        self._batches[role].append(
            [batch[name][counted].detach() for name in _GATHERED]
        )

    def gather(self, role: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return what all processes have of a role, in the order of its clips.

        Returns:
            The clips' positions `(clips,)`, the predictions `(clips, outputs)` and the
            targets `(clips,)` or `(clips, outputs)`.
        """
        columns = zip(*self._batches[role], strict=True)
        indices, targets, predictions = (torch.cat(column) for column in columns)
        _, targets = gather_clips(indices, targets)
        return *gather_clips(indices, predictions), targets


def gather_clips(indices: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values of all processes in the order of the clips.

    Args:
        indices: `(clips,)` position of every clip in its dataset.
        values: `(clips, ...)` what was computed for it.

    Returns:
        The sorted indices without repeats and their values, on the CPU, the same on
        every process.
    """
    pieces = [(indices.cpu(), values.cpu())]
    if dist.is_available() and dist.is_initialized():
        collected: list[tuple[Tensor, Tensor] | None]
        collected = [None] * dist.get_world_size()
        dist.all_gather_object(collected, pieces[0])
        pieces = [piece for piece in collected if piece is not None]
    everything = torch.cat([piece[0] for piece in pieces])
    order = torch.unique(everything, return_inverse=True)
    first = torch.full((len(order[0]),), len(everything))
    positions = torch.arange(len(everything))
    first = first.scatter_reduce(0, order[1], positions, "amin")
    return order[0], torch.cat([piece[1] for piece in pieces])[first]
