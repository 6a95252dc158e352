"""What is computed of clips, file by file: of each window, and then of the clip."""

from collections.abc import Container, Iterator, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset
from crossemo.data.samplers import eval_batches
from crossemo.data.windows import Window
from crossemo.errors import CrossEmoError

Precision = Literal["float32", "float16"]
Tensors = dict[str, Tensor]


class FeatureError(CrossEmoError):
    """Features that can't be kept or found."""


class Extractor(Protocol):
    """Computes something of clips.

    Attributes:
        name: What `crossemo cache` calls it, such as `wav2vec2-base`.
    """

    name: str

    def identity(self) -> list[Any]:
        """Return, ready for JSON, all that changes what it gives.

        That is what kind of thing it computes, the digest of its weights, its settings
        and the versions of the libraries that it calls; not the name. What crossemo's
        version and its resampler change is known without it.
        """

    def __call__(self, batch: Batch) -> list[Tensors]:
        """Return float32 tensors by name on the CPU, for every window of the batch.

        All clips have the same names. Their tensors of one name have one shape but for
        the first dimension, which may be as long as the clip.
        """

    def combine(self, windows: Sequence[Tensors]) -> Tensors:
        """Return the tensors of a clip of several windows, such as `averaged`."""


def averaged(windows: Sequence[Tensors]) -> Tensors:
    """Return the means over the windows of a clip."""
    return {
        name: torch.stack([one[name] for one in windows]).double().mean(0).float()
        for name in windows[0]
    }


def joined(windows: Sequence[Tensors]) -> Tensors:
    """Return the windows of a clip one after the other, as one is of frames."""
    return {name: torch.cat([one[name] for one in windows]) for name in windows[0]}


class Chunk:
    """Some clips of a dataset that go into one file.

    Args:
        dataset: The dataset.
        keys: What they are kept by.
        windows: Their windows.
    """

    def __init__(
        self, dataset: ClipDataset, keys: Sequence[str], windows: Sequence[Window]
    ) -> None:
        self.dataset, self.keys, self.windows = dataset, list(keys), list(windows)
        name = "".join(keys).encode()
        self.name = blake2b(name, digest_size=16).hexdigest()

    def batches(self, size: int, samples: int | None) -> Iterator[list[Window]]:
        """Yield the windows, those of like length together."""
        lengths = [one.length for one in self.windows]
        for batch in eval_batches(lengths, size, samples=samples):
            yield [self.windows[number] for number in batch]


def chunks_of(
    datasets: Sequence[ClipDataset], stored: Container[str], size: int
) -> Iterator[Chunk]:
    """Yield what is not there, cut into files of like length, the longest clips first.

    Args:
        datasets: Clips with waveforms.
        stored: Keys of what is there.
        size: Windows of a file at most, but for a clip that has more.
    """
    seen: set[str] = set()
    for dataset in datasets:
        keys = dataset.keys
        windows = [list(clip) for _, clip in groupby(dataset.windows(), _clip)]
        order = sorted(
            range(len(dataset)),
            key=lambda place: (-dataset.lengths[place], keys[place]),
        )
        # Cut before what is there is left out, so that all processes cut alike.
        for file in _files(order, windows, size):
            places = []
            for place in file:
                if keys[place] not in stored and keys[place] not in seen:
                    places.append(place)
                seen.add(keys[place])
            if places:
                yield Chunk(
                    dataset,
                    [keys[place] for place in places],
                    [window for place in places for window in windows[place]],
                )


def _files(
    order: Sequence[int], windows: Sequence[Sequence[Window]], size: int
) -> Iterator[list[int]]:
    """Cut clips into files of so many windows at most, or of a clip that has more."""
    file: list[int] = []
    count = 0
    for place in order:
        count += len(windows[place])
        if file and count > size:
            yield file
            file, count = [], len(windows[place])
        file.append(place)
    if file:
        yield file


@torch.inference_mode()
def extract(
    chunk: Chunk,
    extractor: Extractor,
    batch_size: int,
    batch_samples: int | None,
    precision: Precision,
) -> dict[str, Tensors]:
    """Return the tensors of every clip, by key.

    Args:
        chunk: The clips.
        extractor: What computes them.
        batch_size: Windows that it gets at once.
        batch_samples: Samples that it gets at once, padding included.
        precision: Of the tensors.

    Raises:
        FeatureError: Some aren't finite.
    """
    windows = {}
    for batch in chunk.batches(batch_size, batch_samples):
        for window, tensors in zip(batch, extractor(chunk.dataset[batch]), strict=True):
            windows[window] = tensors
    kind = torch.float32 if precision == "float32" else torch.float16
    clips = {}
    every = groupby(chunk.windows, _clip)
    for key, (place, parts) in zip(chunk.keys, every, strict=True):
        several = [windows[window] for window in parts]
        whole = extractor.combine(several) if len(several) > 1 else several[0]
        clips[key] = {name: part.to(kind) for name, part in whole.items()}
        if not all(part.isfinite().all() for part in clips[key].values()):
            clip_id = chunk.dataset.examples[place].clip.id
            raise FeatureError(
                f"What {extractor.name} gives of {clip_id} in {precision} isn't "
                "finite: listen to that clip and leave it out, or choose another "
                "encoder."
            )
    return clips


def _clip(window: Window) -> int:
    return window.clip
