"""One look at the clips of a part: embedded and compared, shared out over processes."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import Any, Literal, TypeVar, cast

import torch
from lightning import Trainer
from rich.progress import track
from torch import Tensor
from torch import distributed as dist

from crossemo.corpora.base import PARTS, Part
from crossemo.data.batch import Batch
from crossemo.data.datamodules import EmotionDataModule
from crossemo.data.gathering import gather_clips
from crossemo.distances.cells import deal
from crossemo.errors import CrossEmoError
from crossemo.recognizer import EmotionRecognizer
from crossemo.similarity import (
    Domain,
    FrameDomain,
    Row,
    Settings,
    compare_clips,
    compare_frames,
)
from crossemo.similarity.embeddings import EmbeddedClips, FrameMoments, pool_clips

Item = TypeVar("Item")


class Measurement:
    """One look at the clips of a part, shared out over the processes.

    Args:
        trainer: The trainer of the run.
        module: What embeds the clips.
        data: A datamodule of two roles.
        part: Which clips.
        states: Places of the hidden states to look at among `module.states`, by name.
    """

    def __init__(
        self,
        trainer: Trainer,
        module: EmotionRecognizer,
        data: EmotionDataModule,
        part: Part | Literal["all"],
        states: dict[str, int],
    ) -> None:
        self.trainer, self.module, self.data = trainer, module, data
        self.parts: Sequence[Part] = PARTS if part == "all" else (part,)
        self.states = states

    def clips(self, settings: Settings) -> tuple[list[Row], list[Row]]:
        """Compare clips; each process takes some of the hidden states."""
        domains = {role: self._embedded(role) for role in self.data.roles}
        classes, names = self.module.classes, list(self.states)
        own = range(self.trainer.global_rank, len(names), self.trainer.world_size)
        found: dict[int, tuple[list[Row], list[Row]] | str] = {}
        for place in self._bar(own, "Distances between clips"):
            try:
                x, y = (
                    Domain(role, clips.cells(place, len(classes)))
                    for role, clips in domains.items()
                )
                found[place] = compare_clips(x, y, classes, settings)
            except ValueError as error:  # told by all processes, so that none waits
                found[place] = f"In hidden state {names[place]}: {error}"
        gathered = _gathered(found)
        rows, measures = [], []
        for place, name in enumerate(names):
            told = gathered[place]
            if isinstance(told, str):
                raise CrossEmoError(told)
            tags = {"unit": "clip", "layer": name}
            rows += [tags | row for row in told[0]]
            measures += [tags | row for row in told[1]]
        return rows, measures

    def frames(self, seed: int) -> list[Row]:
        """Compare frames, of which only moments are kept."""
        classes = self.module.classes
        cells = [self._groups_by_class(role) for role in self.data.roles]
        side = deal([groups for own in cells for groups in own], 2, Random(seed))
        failed: dict[int, str] = {}
        try:
            moments = {role: self._moments(role, side) for role in self.data.roles}
        except ValueError as error:  # told by all processes, as in `clips`
            failed[self.trainer.global_rank] = str(error)
        for sentence in _gathered(failed).values():
            raise CrossEmoError(sentence)
        counts = [[len(groups) for groups in own] for own in cells]
        rows: list[Row] = []
        for place, name in enumerate(self._bar(self.states, "Distances of frames")):
            x, y = (
                FrameDomain(
                    role,
                    [own.factors(place, label) for label in range(len(classes))],
                    groups,
                )
                for (role, own), groups in zip(moments.items(), counts, strict=True)
            )
            if self.trainer.is_global_zero:
                found = compare_frames(x, y, classes)
                rows += [{"unit": "frame", "layer": name} | row for row in found]
        return rows

    def _embedded(self, role: str) -> EmbeddedClips:
        values, labels = [], []
        for part in self.parts:
            pooled = pool_clips(self._encode, self._batches(role, part))
            values.append(gather_clips(*pooled)[1])
            labels += self.data.dataset(role, part).targets
        groups = tuple(group for part in self._groups(role) for group in part)
        return EmbeddedClips(torch.cat(values), torch.tensor(labels), groups)

    def _moments(self, role: str, side: dict[str, int]) -> FrameMoments:
        encoder = self.module.encoder
        device = self.module.device if self.module.device.type == "cuda" else None
        kept = FrameMoments(len(self.states), encoder.width, side, device)
        for part, groups in zip(self.parts, self._groups(role), strict=True):
            for batch in self._batches(role, part):
                kept.update(*self._encode(batch), batch, groups)
        return kept

    def _groups(self, role: str) -> list[list[str]]:
        """Return the group of every clip, part by part."""
        sets = [self.data.dataset(role, part) for part in self.parts]
        return [one.units for one in sets]

    def _groups_by_class(self, role: str) -> list[set[str]]:
        sets = [self.data.dataset(role, part) for part in self.parts]
        found: list[set[str]] = [set() for _ in self.module.classes]
        for one in sets:
            for example in one.examples:
                found[cast(int, example.target)].add(example.unit)
        return found

    def _batches(self, role: str, part: Part) -> Iterator[Batch]:
        yield from self._bar(self.data.loader(role, part), f"Embedding {role}")

    def _bar(self, work: Iterable[Item], what: str) -> Iterable[Item]:
        return track(
            work, what, transient=True, disable=not self.trainer.is_global_zero
        )

    def _encode(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        moved = self.trainer.strategy.batch_to_device(batch)
        with self.trainer.precision_plugin.forward_context():
            states, mask = self.module.states(moved)
        return [states[place] for place in self.states.values()], mask


def _gathered(found: dict[int, Any]) -> dict[int, Any]:
    """Return what all processes found."""
    if not (dist.is_available() and dist.is_initialized()):
        return found
    pieces: list[dict[int, Any]] = [{} for _ in range(dist.get_world_size())]
    dist.all_gather_object(pieces, found)
    return {place: one for piece in pieces for place, one in piece.items()}
