"""Clips of one part, handed out in padded batches."""

from collections import ChainMap, Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from crossemo.corpora.base import Clip
from crossemo.data.batch import Batch
from crossemo.data.splits import PARTS, Part, Split, SplitError
from crossemo.data.waveforms import WaveformStore, skipped_sentence
from crossemo.emotions import LabelSpace


class Waveforms(Protocol):
    """Decoded clips, or what is kept of them, by id."""

    @property
    def lengths(self) -> Mapping[str, int]:
        """Samples of each clip."""

    def __getitem__(self, clip: str) -> NDArray[np.float32]:
        """Return the samples of a clip, or what is kept in their place.

        That is `(states, width)`, its mean frame, or `(states, frames, width)`.
        """


class ClipDataset(Dataset[Batch]):
    """Clips with their classes, read from a store.

    Args:
        clips: The clips.
        labels: Class index of each clip.
        store: Where their waveforms lie.

    Attributes:
        clips: As given.
        labels: As given.
        store: As given.
        lengths: Samples of each clip.
    """

    def __init__(
        self, clips: Sequence[Clip], labels: Sequence[int], store: Waveforms
    ) -> None:
        self.clips = list(clips)
        self.labels = list(labels)
        self.lengths = [store.lengths[clip.id] for clip in self.clips]
        self.store = store

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, indices: int | Sequence[int]) -> Batch:
        """Return a batch of clips; a single index gives a batch of one.

        Args:
            indices: Positions of clips. From `len(self)` on they start over and count
                as repeats, as `eval_batches` makes them.
        """
        chosen = np.atleast_1d(np.asarray(indices, dtype=np.int64))
        places = (chosen % len(self)).tolist()
        held = [self.store[self.clips[place].id] for place in places]
        return Batch(
            waveforms=torch.from_numpy(_padded(held)),
            lengths=torch.tensor([self.lengths[place] for place in places]),
            labels=torch.tensor([self.labels[place] for place in places]),
            indices=torch.tensor(places),
            counted=torch.from_numpy(chosen < len(self)),
        )


def _padded(clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return clips as rows that end in zeros, in samples or in frames."""
    longest = np.max([clip.shape for clip in clips], axis=0)
    rows = np.zeros((len(clips), *longest), dtype=np.float32)
    for row, clip in zip(rows, clips, strict=True):
        row[tuple(map(slice, clip.shape))] = clip
    return rows


def joined(datasets: Sequence[ClipDataset]) -> ClipDataset:
    """Return the clips of several datasets as one."""
    if len(datasets) == 1:
        return datasets[0]
    clips = [clip for dataset in datasets for clip in dataset.clips]
    labels = [label for dataset in datasets for label in dataset.labels]
    return ClipDataset(clips, labels, _Stores([data.store for data in datasets]))


class _Stores:
    """Several stores as one."""

    def __init__(self, stores: Sequence[Waveforms]) -> None:
        self._stores = stores
        self.lengths = ChainMap(*(dict(store.lengths) for store in stores))

    def __getitem__(self, clip: str) -> NDArray[np.float32]:
        return next(store[clip] for store in self._stores if clip in store.lengths)


class SplitCorpus:
    """One corpus's clips in each part of a split.

    Clips whose emotion has no class or whose group is in no part are left out, and so
    are those that the store can't serve.

    Args:
        name: What to call the corpus in messages.
        clips: All its clips.
        store: Where their waveforms lie.
        space: The classes.
        split: The groups of each part.
        min_samples: Shortest clip that is of use, in samples.
        strict: Refuse clips that the store can't serve.

    Attributes:
        parts: Dataset by part.
        skipped: Why the store can't serve a clip, by clip id.
        warnings: What a user should be told.

    Raises:
        SplitError: A part holds no clip, or the training part none of some class.
        WaveformError: No clip can be used or, with `strict`, one can't.
    """

    def __init__(
        self,
        name: str,
        clips: Sequence[Clip],
        store: WaveformStore,
        space: LabelSpace,
        split: Split,
        min_samples: int = 1,
        strict: bool = False,
    ) -> None:
        labels = {clip.id: space.index(clip.emotion) for clip in clips}
        wanted = [clip for clip in clips if labels[clip.id] is not None]
        usable, self.skipped = store.select(wanted, min_samples, strict)
        self.warnings: list[str] = []
        if self.skipped:
            sentence = skipped_sentence(self.skipped, len(wanted))
            self.warnings.append(f"In {name}, {sentence}")
        self.parts: dict[Part, ClipDataset] = {}
        for part in PARTS:
            groups = split.groups(part)
            held = [clip for clip in usable if clip.group in groups]
            classes = [label for c in held if (label := labels[c.id]) is not None]
            self.parts[part] = ClipDataset(held, classes, store)
            self._check(part, f"{name} ({', '.join(groups)})", space.classes)

    def counts(self, part: Part, classes: Sequence[str]) -> list[int]:
        """Return how many clips of each class a part has."""
        found = Counter(self.parts[part].labels)
        return [found[index] for index in range(len(classes))]

    def describe(self, classes: Sequence[str]) -> dict[str, Any]:
        """Return clips by part and class, groups by part and how many were skipped."""
        return {
            "clips": {
                part: dict(zip(classes, self.counts(part, classes), strict=True))
                for part in PARTS
            },
            "groups": {
                part: len({clip.group for clip in dataset.clips})
                for part, dataset in self.parts.items()
            },
            "skipped": len(self.skipped),
        }

    def _check(self, part: Part, where: str, classes: Sequence[str]) -> None:
        counts = self.counts(part, classes)
        if not any(counts):
            raise SplitError(
                f"The {part} part holds no clip of {where}: choose another fold or "
                "split."
            )
        missing = [name for name, n in zip(classes, counts, strict=True) if not n]
        if not missing:
            return
        sentence = f"No {part} clip of {where} is {' or '.join(missing)}"
        if part == "train":
            raise SplitError(
                f"{sentence}: choose labels that every corpus has, or another fold or "
                "split."
            )
        self.warnings.append(f"{sentence}.")
