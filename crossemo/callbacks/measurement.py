"""One look at the clips of a part: embedded and compared, shared out over processes."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Literal, TypeVar

import torch
from lightning import Trainer
from torch import Tensor
from torch import distributed as dist

from crossemo.corpora.base import PARTS, Part
from crossemo.data.batch import Batch
from crossemo.data.datamodules import EmotionDataModule
from crossemo.data.dataset import ClipDataset
from crossemo.data.role_pairs import role_pairs
from crossemo.distances.cells import deal
from crossemo.errors import CrossEmoError
from crossemo.progress import bar
from crossemo.recognizer import EmotionRecognizer
from crossemo.similarity import (
    Domain,
    FrameDomain,
    Row,
    Settings,
    compare_frames,
)
from crossemo.similarity.compared import ComparedStates, Tables
from crossemo.similarity.embeddings import EmbeddedClips, FrameMoments, pool_clips

Item = TypeVar("Item")


class Measurement:
    """One look at the clips of a part, shared out over the processes.

    Args:
        trainer: The trainer of the run.
        module: What embeds the clips.
        data: A datamodule of two roles or more.
        part: Which clips.
        states: Places of the hidden states to look at among `module.states`, by name.
        compared: What was compared before.
        shared: Places of the states that other runs have too, as no training of this
            one has moved them.
    """

    def __init__(
        self,
        trainer: Trainer,
        module: EmotionRecognizer,
        data: EmotionDataModule,
        part: Part | Literal["all"],
        states: dict[str, int],
        compared: ComparedStates,
        shared: Collection[int] = (),
    ) -> None:
        self.trainer, self.module, self.data = trainer, module, data
        self.parts: Sequence[Part] = PARTS if part == "all" else (part,)
        self.states = states
        self.compared, self.shared = compared, shared

    def clips(self, settings: Settings) -> tuple[list[Row], list[Row]]:
        """Compare the clips of every two roles; processes share the hidden states."""
        embedded = {role: self._embedded(role) for role in self.data.roles}
        names = list(self.states)
        places = range(self.trainer.global_rank, len(names), self.trainer.world_size)
        tables: dict[int, Tables | str] = {}
        for place in self._bar(places, "Distances between clips"):
            try:
                tables[place] = self._compare(embedded, place, settings)
            except ValueError as error:  # raised by all processes, so that none waits
                tables[place] = f"In hidden state {names[place]}: {error}"
        gathered = _gathered(tables)
        rows: list[Row] = []
        measures: list[Row] = []
        for place, name in enumerate(names):
            table = gathered[place]
            if isinstance(table, str):
                raise CrossEmoError(table)
            tags = {"unit": "clip", "layer": name}
            rows += [tags | row for row in table[0]]
            measures += [tags | row for row in table[1]]
        return rows, measures

    def frames(self, seed: int) -> list[Row]:
        """Compare the frames of every two roles, of which only moments are kept."""
        classes = self.data.task.emotions
        cells = {role: self._groups_by_class(role) for role in self.data.roles}
        every = [groups for by_class in cells.values() for groups in by_class]
        side = deal(every, 2, Random(seed))
        failures: dict[int, str] = {}
        try:
            moments = {role: self._moments(role, side) for role in self.data.roles}
        except ValueError as error:  # raised by all processes, as in `clips`
            failures[self.trainer.global_rank] = str(error)
        for sentence in _gathered(failures).values():
            raise CrossEmoError(sentence)
        counts = {role: [len(groups) for groups in cells[role]] for role in cells}
        rows: list[Row] = []
        for place, name in enumerate(self._bar(self.states, "Distances of frames")):
            domains = {
                role: FrameDomain(
                    role,
                    [one.factors(place, label) for label in range(len(classes))],
                    counts[role],
                )
                for role, one in moments.items()
            }
            if self.trainer.is_global_zero:
                tags = {"unit": "frame", "layer": name}
                for x, y in role_pairs(domains):
                    pair = compare_frames(domains[x], domains[y], classes)
                    rows += [tags | row for row in pair]
        return rows

    def _compare(
        self, embedded: Mapping[str, EmbeddedClips], place: int, settings: Settings
    ) -> Tables:
        """Compare every two roles in one hidden state."""
        emotions = self.data.task.emotions
        domains = [
            Domain(role, clips.cells(place, len(emotions)))
            for role, clips in embedded.items()
        ]
        shared = list(self.states.values())[place] in self.shared
        return self.compared.compare(
            domains,
            emotions,
            settings,
            self.module.encoder if shared else None,
            self.data.cache_dir,
        )

    def _embedded(self, role: str) -> EmbeddedClips:
        values, labels = [], []
        for part in self.parts:
            values.append(pool_clips(self._encode, self._batches(role, part))[1])
            labels.append(self._emotions(self.data.dataset(role, part)))
        groups = tuple(group for part in self._groups(role) for group in part)
        return EmbeddedClips(torch.cat(values), torch.cat(labels), groups)

    def _moments(self, role: str, side: dict[str, int]) -> FrameMoments:
        encoder = self.module.encoder
        device = self.module.device if self.module.device.type == "cuda" else None
        moments = FrameMoments(len(self.states), encoder.width, side, device)
        for part, groups in zip(self.parts, self._groups(role), strict=True):
            for batch in self._batches(role, part):
                emotions = self.data.task.emotions_of(batch.targets)
                named = batch._replace(targets=emotions)
                moments.update(*self._encode(batch), named, groups)
        return moments

    def _groups(self, role: str) -> list[list[str]]:
        """Return the group of every clip, part by part."""
        sets = [self.data.dataset(role, part) for part in self.parts]
        return [one.units for one in sets]

    def _groups_by_class(self, role: str) -> list[set[str]]:
        sets = [self.data.dataset(role, part) for part in self.parts]
        by_class: list[set[str]] = [set() for _ in self.data.task.emotions]
        for one in sets:
            emotions = self._emotions(one).tolist()
            for emotion, unit in zip(emotions, one.units, strict=True):
                by_class[emotion].add(unit)
        return by_class

    def _emotions(self, dataset: ClipDataset) -> Tensor:
        """Return the number of each clip's emotion among those of the task."""
        return self.data.task.emotions_of(torch.tensor(dataset.targets))

    def _batches(self, role: str, part: Part) -> Iterator[Batch]:
        yield from self._bar(self.data.loader(role, part), f"Embedding {role}")

    def _bar(self, work: Iterable[Item], what: str) -> Iterable[Item]:
        return bar(work, what, shown=self.trainer.is_global_zero)

    def _encode(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        moved = self.trainer.strategy.batch_to_device(batch)
        with self.trainer.precision_plugin.forward_context():
            states, mask = self.module.states(moved)
        return [states[place] for place in self.states.values()], mask


def _gathered(results: dict[int, Any]) -> dict[int, Any]:
    """Return the results of all processes."""
    if not (dist.is_available() and dist.is_initialized()):
        return results
    pieces: list[dict[int, Any]] = [{} for _ in range(dist.get_world_size())]
    dist.all_gather_object(pieces, results)
    return {place: one for piece in pieces for place, one in piece.items()}
