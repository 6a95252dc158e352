"""What is computed of clips once and kept in files, for any number of runs."""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from crossemo import audio, cache
from crossemo.cache import is_whole, sums_of
from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset
from crossemo.data.samplers import eval_batches
from crossemo.errors import CrossEmoError
from crossemo.features.packed import files_with, read_clips, write_clips
from crossemo.files import write_text
from crossemo.progress import meter
from crossemo.version import __version__

FORMAT = 3
CLIPS_PER_FILE = 64  # what a killed process loses at most
WAIT = 0.2  # seconds between two looks at what other processes compute
TRIES = 3  # how often the folder may be emptied while it is filled

Precision = Literal["float32", "float16"]


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

    def __call__(self, batch: Batch) -> list[dict[str, Tensor]]:
        """Return float32 tensors by name on the CPU, for every clip of the batch.

        All clips have the same names. Their tensors of one name have one shape but for
        the first dimension, which may be as long as the clip.
        """


class Kept(Mapping[str, dict[str, Tensor]]):
    """What is kept of clips, memory-mapped: tensors by name, by key of a clip.

    Args:
        files: Safetensors files as `keep` writes them.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = sorted(files)
        self._clips: dict[str, dict[str, Tensor]] = {}
        for file in self.files:
            self._clips |= read_clips(file)

    def __getitem__(self, key: str) -> dict[str, Tensor]:
        return self._clips[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._clips)

    def __len__(self) -> int:
        return len(self._clips)

    def __reduce__(self) -> tuple[type["Kept"], tuple[list[Path]]]:
        # A pickled memory map would carry all its numbers into every worker.
        return type(self), (self.files,)


def keep(
    extractor: Extractor,
    datasets: Sequence[ClipDataset],
    batch_size: int = 16,
    precision: Precision = "float32",
    cache_dir: str | Path | None = None,
    progress: bool = False,
    clips_per_file: int | None = None,
) -> Kept:
    """Return what an extractor gives of all clips; compute what isn't kept yet.

    It lies in `kept_folder`, by the contents and stretches of the audio files. Any
    number of processes may do this at once, on one machine or on several that share the
    folder: each file of some clips is computed by the one that locks it first, and they
    all wait for the last. A process that is killed leaves the files that it
    finished, and its lock is free.

    Args:
        extractor: What is computed. It is called without gradients.
        datasets: Clips with waveforms.
        batch_size: Clips that it gets at once, of similar length.
        precision: How numbers are kept; float16 takes half the space.
        cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
        progress: Show a bar.
        clips_per_file: Clips of a file, which memory holds at once; `CLIPS_PER_FILE`
            if None.

    Raises:
        FeatureError: The cache can't be written or is emptied again and again, or the
            extractor gives numbers that aren't finite.
    """
    folder = kept_folder(extractor, precision, cache_dir)
    wanted = {key for dataset in datasets for key in dataset.keys}
    size = clips_per_file or CLIPS_PER_FILE
    error: OSError | None = None
    for _ in range(TRIES):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _describe(folder, extractor, precision)
            stored = kept_in(folder, wanted)
            chunks = list(_chunks(datasets, stored, size))
            if not chunks:
                return stored
            with meter("Computing features", len(chunks), progress) as note:
                for count in _compute(chunks, folder, extractor, batch_size, precision):
                    note(count)
        except FileNotFoundError as gone:  # the folder, by `crossemo cache --clear`
            error = gone
        except (NotImplementedError, OSError) as refusal:
            raise _unwritable(folder, refusal) from refusal
    raise _unwritable(folder, error or OSError("it is emptied again and again"))


def kept_folder(
    extractor: Extractor,
    precision: Precision = "float32",
    cache_dir: str | Path | None = None,
) -> Path:
    """Return the folder of what an extractor gives.

    It is `<cache folder>/features/<key>`, whose key stands for the extractor's
    identity, the resampler, the precision and crossemo's version.
    """
    versions = [FORMAT, __version__, audio.RESAMPLER, precision]
    identity = json.dumps([*versions, extractor.identity()])
    key = blake2b(identity.encode(), digest_size=16).hexdigest()
    home = cache.cache_dir(cache_dir)
    return home / "features" / key


def kept_in(folder: Path, wanted: Collection[str] | None = None) -> Kept:
    """Return what a folder holds by now; nothing if there is no such folder.

    Args:
        folder: The folder.
        wanted: Keys of clips, to leave out files that hold none of them; all if None.
    """
    return Kept(files_with(folder, wanted))


class _Chunk:
    """Some clips of a dataset that go into one file."""

    def __init__(self, dataset: ClipDataset, places: Sequence[int]) -> None:
        self.dataset, self.places = dataset, list(places)
        self.keys = [dataset.examples[place].key for place in places]
        joined = "".join(self.keys).encode()
        self.name = blake2b(joined, digest_size=16).hexdigest()

    def batches(self, size: int) -> Iterator[Batch]:
        lengths = [self.dataset.lengths[place] for place in self.places]
        for batch in eval_batches(lengths, size):
            yield self.dataset[[self.places[row] for row in batch]]


def _chunks(
    datasets: Sequence[ClipDataset], stored: Kept, size: int
) -> Iterator[_Chunk]:
    """Cut what is not there into files of similar length, the longest clips first."""
    seen: set[str] = set()
    for dataset in datasets:
        keys = dataset.keys
        order = sorted(
            range(len(dataset)),
            key=lambda place: (-dataset.lengths[place], keys[place]),
        )
        # Cut before what is there is left out, so that all processes cut alike.
        for start in range(0, len(order), size):
            places = []
            for place in order[start : start + size]:
                if keys[place] not in stored and keys[place] not in seen:
                    places.append(place)
                seen.add(keys[place])
            if places:
                yield _Chunk(dataset, places)


def _compute(
    chunks: Sequence[_Chunk],
    folder: Path,
    extractor: Extractor,
    batch_size: int,
    precision: Precision,
) -> Iterator[int]:
    """Compute files until all are there, and say how many are."""
    files = {chunk.name: folder / f"{chunk.name}.safetensors" for chunk in chunks}
    left = list(chunks)
    locks = folder / "locks"
    locks.mkdir(exist_ok=True)
    while left:
        for chunk in left:
            file = files[chunk.name]
            try:
                with FileLock(locks / chunk.name, timeout=0):
                    if not is_whole(sums_of(file)):
                        clips = _extract(chunk, extractor, batch_size, precision)
                        write_clips(file, clips)
                        yield sum(sums_of(one).exists() for one in files.values())
            except Timeout:
                continue  # another process is at it
        left = [one for one in left if not sums_of(files[one.name]).exists()]
        yield len(chunks) - len(left)
        if left:
            time.sleep(WAIT)


@torch.inference_mode()
def _extract(
    chunk: _Chunk, extractor: Extractor, batch_size: int, precision: Precision
) -> dict[str, dict[str, Tensor]]:
    """Return the tensors of every clip, by key."""
    kind = torch.float32 if precision == "float32" else torch.float16
    clips = {}
    for batch in chunk.batches(batch_size):
        for place, clip in zip(batch.indices.tolist(), extractor(batch), strict=True):
            key = chunk.dataset.examples[place].key
            clips[key] = {name: part.to(kind) for name, part in clip.items()}
            if not all(part.isfinite().all() for part in clips[key].values()):
                clip_id = chunk.dataset.examples[place].clip.id
                raise FeatureError(
                    f"What {extractor.name} gives of {clip_id} in {precision} isn't "
                    "finite: listen to that clip and leave it out, or choose another "
                    "encoder."
                )
    return {key: clips[key] for key in chunk.keys}


def _describe(folder: Path, extractor: Extractor, precision: Precision) -> None:
    """Leave a note of what is kept here, for `crossemo cache`."""
    note = folder / "about.json"
    about = {"of": extractor.name, "precision": precision, "crossemo": __version__}
    text = json.dumps(about).encode()
    if not note.is_file() or note.read_bytes() != text:
        write_text(note, text.decode())


def _unwritable(folder: Path, error: Exception) -> FeatureError:
    return FeatureError(cache.unwritable("Features", folder, error))
