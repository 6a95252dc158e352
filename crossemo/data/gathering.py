"""Bring what every process computed for its clips together, each clip once."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor
from torch import distributed as dist

from crossemo.data.dataset import ClipDataset

# `outputs` (batch, outputs), `targets`, `indices` and `counted` of a batch, and the
# `embeddings` (batch, width) that its outputs are made of.
Prediction = dict[str, Tensor]
Piece = TypeVar("Piece")


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

    def at(self, rows: Sequence[int]) -> "Judged":
        """Return what was said of some of the clips, by their rows."""
        return Judged(
            self.predictions[rows],
            self.targets[rows],
            [self.units[row] for row in rows],
            [self.places[row] for row in rows],
        )


def by_place(
    role: str, dataset: ClipDataset, several: bool, judged: Judged
) -> dict[str, Judged]:
    """Return what was said of the clips of a role, and of each of its corpora.

    Args:
        role: The role.
        dataset: The clips.
        several: Whether the role is one of several corpora.
        judged: What was said of them.

    Returns:
        By role, and where it has several corpora, by `ROLE/CORPUS` too.
    """
    corpora = [dataset.corpora[place] for place in judged.places]
    places = {role: judged}
    for corpus in dict.fromkeys(corpora) if several else ():
        rows = [row for row, name in enumerate(corpora) if name == corpus]
        places[f"{role}/{corpus}"] = judged.at(rows)
    return places


class ClipMeans:
    """Means over the windows of each clip, which come batch by batch.

    Only sums are kept. They are float64, so that a float32 mean doesn't depend on how
    the windows were spread over batches and processes.
    """

    def __init__(self) -> None:
        self._sums: dict[int, Tensor] = {}
        self._counts: Counter[int] = Counter()
        self._kind: torch.dtype | None = None

    def add(self, indices: Tensor, counted: Tensor, values: Tensor) -> None:
        """Add a batch of windows.

        Args:
            indices: `(batch,)` position of each window's clip in its dataset.
            counted: `(batch,)` bool, False for those that are left out.
            values: `(batch, ...)` what was computed of each window.
        """
        self._kind = values.dtype
        clips = indices[counted].tolist()
        for clip, value in zip(clips, values[counted].detach().cpu(), strict=True):
            self._add(clip, value, 1)

    def gather(self) -> tuple[Tensor, Tensor]:
        """Return the means of all processes in the order of the clips.

        Returns:
            The clips' positions `(clips,)` and their means `(clips, ...)`, of the type
            of the values and on the CPU, the same on every process.
        """
        total = ClipMeans()
        for sums, counts, kind in _gathered((self._sums, self._counts, self._kind)):
            total._kind = kind or total._kind
            for clip, value in sums.items():
                total._add(clip, value, counts[clip])
        order = sorted(total._sums)
        means = torch.stack([total._sums[clip] / total._counts[clip] for clip in order])
        return torch.tensor(order), means.to(total._kind)

    def _add(self, clip: int, value: Tensor, count: int) -> None:
        # A clip of one window, as most are, takes no more room than its value.
        before = self._sums.get(clip)
        self._sums[clip] = value if before is None else before.double() + value
        self._counts[clip] += count


class Predictions:
    """What a model says of the clips of every role, kept batch by batch."""

    def __init__(self) -> None:
        self._roles = defaultdict[int, tuple[ClipMeans, ClipMeans]](
            lambda: (ClipMeans(), ClipMeans())
        )

    def add(self, outputs: STEP_OUTPUT, role: int) -> None:
        """Take a batch of the role of that number, without repeated windows."""
        batch = cast(Prediction, outputs)
        indices, counted = batch["indices"], batch["counted"]
        for means, name in zip(self._roles[role], ("outputs", "targets"), strict=True):
            means.add(indices, counted, batch[name])

    def gather(self, role: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return what all processes have of a role, in the order of its clips.

        Returns:
            The clips' positions `(clips,)`, the mean over each one's windows of what
            the model gave `(clips, outputs)`, such as logits, and the targets
            `(clips,)` or `(clips, outputs)`.
        """
        outputs, targets = self._roles[role]
        return *outputs.gather(), targets.gather()[1]


def _gathered(piece: Piece) -> list[Piece]:
    """Return the pieces of all processes."""
    if not (dist.is_available() and dist.is_initialized()):
        return [piece]
    pieces: list[Piece | None] = [None] * dist.get_world_size()
    dist.all_gather_object(pieces, piece)
    return cast(list[Piece], pieces)
