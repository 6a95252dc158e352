"""Clips of one part, handed out whole or in windows, in padded batches."""

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from crossemo.corpora.base import Clip
from crossemo.data.batch import Batch, Content
from crossemo.data.examples import Example
from crossemo.data.sounds import level, mean_sounds
from crossemo.data.waveforms import WaveformStore
from crossemo.data.windows import CUT, WHOLE, Window, all_windows, random_crops
from crossemo.tasks import Target


class Store(Protocol):
    """Decoded clips by their key, or hidden states of them by their cut key.

    Attributes:
        content: What it gives of a clip, see `Batch`.
    """

    @property
    def content(self) -> Content:
        """What it gives of a clip, see `Batch`."""

    @property
    def lengths(self) -> Mapping[str, int]:
        """Samples of each clip's waveform."""

    def read(
        self, key: str, start: int = 0, stop: int | None = None
    ) -> NDArray[np.float32]:
        """Return samples of a clip `(samples,)`, or hidden states of the whole clip.

        These are `(states, width)`, the mean frame, or `(states, frames, width)`.

        Args:
            key: What the clip is known by.
            start: The first sample.
            stop: The sample after the last; all samples if None.
        """


class ClipDataset(Dataset[Batch]):
    """Clips with their targets, read from a store.

    Args:
        examples: The clips with their targets.
        store: Where their waveforms or hidden states lie.

    Attributes:
        examples: As given.
        store: As given.
        lengths: Samples of each clip.
    """

    def __init__(self, examples: Sequence[Example], store: Store) -> None:
        self.examples = list(examples)
        self.store = store
        self.lengths = [store.lengths[self._name(one)] for one in self.examples]
        self._windowings = [
            one.windowing if store.content == "waveforms" else WHOLE for one in examples
        ]

    @property
    def clips(self) -> list[Clip]:
        """The clips."""
        return [one.clip for one in self.examples]

    @property
    def targets(self) -> list[Target]:
        """Target of each clip."""
        return [one.target for one in self.examples]

    @property
    def units(self) -> list[str]:
        """Unit of each clip (speaker, song, artist)."""
        return [one.unit for one in self.examples]

    @property
    def corpora(self) -> list[str]:
        """Name of the corpus of each clip."""
        return [one.corpus for one in self.examples]

    @property
    def keys(self) -> list[str]:
        """What is computed of each clip is kept by: see `Clip.key`, `Windowing.key`.

        Samples that lay on the disk in another format than by default are others.
        """
        return [
            one.windowing.key(one.key, length) + _written(self._store(one))
            for one, length in zip(self.examples, self.lengths, strict=True)
        ]

    @cached_property
    def sounds(self) -> Tensor:
        """Level in dBFS and samples of each clip, `(clips, 2)` float64.

        Of a clip that is cut, the means over its windows. All waveforms are read once.
        """
        source: ClipDataset = getattr(self.store, "source", self)  # of hidden states
        if source is not self:
            return source.sounds
        windows = self.windows()
        levels = [level(self._read(self.examples[w.clip], w)) for w in windows]
        return mean_sounds(windows, levels, len(self))

    @property
    def cuts_clips(self) -> bool:
        """Whether some clip has several windows, or a random one in training."""
        cuts = zip(self._windowings, self.lengths, strict=True)
        return any(one.cuts(length) for one, length in cuts)

    def windows(self) -> list[Window]:
        """Return all windows of all clips, in order."""
        return all_windows(self.lengths, self._windowings)

    def crops(self, seed: int, epoch: int, again: Sequence[int] = ()) -> list[Window]:
        """Return a window of each clip, at random where it is long.

        Behind them is one more of each clip in `again`, by position.
        """
        return random_crops(self.lengths, self._windowings, seed, epoch, again)

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[Batch]:
        """Yield a batch of each clip."""
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, chosen: int | Sequence[int | Window]) -> Batch:
        """Return a batch of windows; a single clip gives a batch of one.

        Args:
            chosen: Windows, or positions of clips that are taken whole.
        """
        every = chosen if isinstance(chosen, Sequence) else [chosen]
        windows = [
            one if isinstance(one, Window) else Window(one, 0, self.lengths[one])
            for one in every
        ]
        examples = [self.examples[one.clip] for one in windows]
        rows = list(map(self._read, examples, windows))
        lengths = [one.length for one in windows]
        if self.store.content == "frames":
            lengths = [row.shape[1] for row in rows]
        return Batch(
            inputs=torch.from_numpy(_padded(rows)),
            lengths=torch.tensor(lengths),
            targets=torch.tensor([one.target for one in examples]),
            indices=torch.tensor([one.clip for one in windows]),
            counted=torch.tensor([one.counted for one in windows]),
            content=self.store.content,
        )

    def _name(self, example: Example) -> str:
        """Return what the store knows a clip by."""
        waveforms = self.store.content == "waveforms"
        return example.key if waveforms else example.cut_key

    def _store(self, example: Example) -> Store:
        if isinstance(self.store, _Stores):
            return self.store.of(self._name(example))
        return self.store

    def _read(self, example: Example, window: Window) -> NDArray[np.float32]:
        return self.store.read(self._name(example), window.start, window.stop)


def joined(datasets: Sequence[ClipDataset]) -> ClipDataset:
    """Return the clips of several datasets as one."""
    if len(datasets) == 1:
        return datasets[0]
    examples = [one for dataset in datasets for one in dataset.examples]
    return ClipDataset(examples, _Stores([data.store for data in datasets]))


class _Stores:
    """Several stores as one."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self._stores = stores
        self.content = stores[0].content
        self.lengths = ChainMap(*(dict(store.lengths) for store in stores))

    def of(self, key: str) -> Store:
        """Return the store that has a clip."""
        return next(store for store in self._stores if key in store.lengths)

    def read(
        self, key: str, start: int = 0, stop: int | None = None
    ) -> NDArray[np.float32]:
        return self.of(key).read(key, start, stop)


def _written(store: Store) -> str:
    """Return what tells samples of a format from those of the default one."""
    if isinstance(store, WaveformStore) and store.sample_format != "int16":
        return f"{CUT}{store.sample_format}"
    return ""


def _padded(clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return clips as rows that end in zeros, in samples or in frames."""
    longest = np.max([clip.shape for clip in clips], axis=0)
    rows = np.zeros((len(clips), *longest), dtype=np.float32)
    for row, clip in zip(rows, clips, strict=True):
        row[tuple(map(slice, clip.shape))] = clip
    return rows
