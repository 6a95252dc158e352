"""Clips of one part, handed out in padded batches."""

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from crossemo.corpora.base import Clip
from crossemo.data.batch import Batch, Content
from crossemo.data.examples import Example
from crossemo.tasks import Target


class Store(Protocol):
    """Decoded clips, or hidden states of them, by key.

    Attributes:
        content: What it gives of a clip, see `Batch`.
    """

    @property
    def content(self) -> Content:
        """What it gives of a clip, see `Batch`."""

    @property
    def lengths(self) -> Mapping[str, int]:
        """Samples of each clip's waveform."""

    def __getitem__(self, key: str) -> NDArray[np.float32]:
        """Return the samples of a clip `(samples,)`, or hidden states.

        These are `(states, width)`, the mean frame, or `(states, frames, width)`.
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
        self.lengths = [store.lengths[one.key] for one in self.examples]
        self.store = store

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
        """What the samples of each clip are known by, see `Clip.key`."""
        return [one.key for one in self.examples]

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[Batch]:
        """Yield a batch of each clip."""
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, indices: int | Sequence[int]) -> Batch:
        """Return a batch of clips; a single index gives a batch of one.

        Args:
            indices: Positions of clips. From `len(self)` on they start over and count
                as repeats, as `eval_batches` makes them.
        """
        chosen = np.atleast_1d(np.asarray(indices, dtype=np.int64))
        places = (chosen % len(self)).tolist()
        rows = [self.store[self.examples[place].key] for place in places]
        return Batch(
            inputs=torch.from_numpy(_padded(rows)),
            lengths=torch.tensor([self.lengths[place] for place in places]),
            targets=torch.tensor([self.examples[place].target for place in places]),
            indices=torch.tensor(places),
            counted=torch.from_numpy(chosen < len(self)),
            content=self.store.content,
        )


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

    def __getitem__(self, key: str) -> NDArray[np.float32]:
        return next(store[key] for store in self._stores if key in store.lengths)


def _padded(clips: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return clips as rows that end in zeros, in samples or in frames."""
    longest = np.max([clip.shape for clip in clips], axis=0)
    rows = np.zeros((len(clips), *longest), dtype=np.float32)
    for row, clip in zip(rows, clips, strict=True):
        row[tuple(map(slice, clip.shape))] = clip
    return rows
