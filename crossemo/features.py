"""Hidden states of a frozen encoder, pooled over each clip's frames once and kept.

A frozen encoder gives the same hidden states in every epoch, fold and run, so one pass
over the audio is enough for all of them.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from rich.progress import Progress
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossemo import __version__, audio, cache
from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset
from crossemo.data.samplers import eval_batches
from crossemo.encoders import SSLEncoder
from crossemo.errors import CrossEmoError
from crossemo.files import replacing, write_text

FORMAT = 1
CLIPS_PER_FILE = 64  # what a killed process loses at most
WAIT = 0.2  # seconds between two looks at what other processes compute

Precision = Literal["float32", "float16"]


class FeatureError(CrossEmoError):
    """Features that can't be kept or found."""


class Features:
    """Kept features of clips, memory-mapped.

    Args:
        files: Safetensors files as `keep_features` writes them.

    Attributes:
        means: By digest of a clip, `(states, width)` its mean over the frames.
        deviations: By digest, `(states, width)` its standard deviation over them.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = sorted(files)
        self.means: dict[str, Tensor] = {}
        self.deviations: dict[str, Tensor] = {}
        for file in self.files:
            tensors = load_file(file)
            for row, digest in enumerate(_digests(file)):
                self.means[digest] = tensors["mean"][row]
                self.deviations[digest] = tensors["deviation"][row]

    def __contains__(self, digest: str) -> bool:
        return digest in self.means

    def __reduce__(self) -> tuple[type["Features"], tuple[list[Path]]]:
        # A pickled memory map would carry all its numbers into every worker.
        return type(self), (self.files,)


class KeptClips:
    """Clips of a dataset as their means instead of their waveforms.

    Stands in the place of a dataset's store of waveforms. A clip is then one frame of
    every hidden state, `(states, width)`, which mean pooling makes the same of as of
    all its frames, as do weighted sums and projections before it.

    Args:
        dataset: The dataset.
        features: The features of its clips.

    Attributes:
        lengths: Samples of each clip's waveform, so that batches stay as they are.
    """

    def __init__(self, dataset: ClipDataset, features: Features) -> None:
        self.lengths = {
            clip.id: dataset.store.lengths[clip.id] for clip in dataset.clips
        }
        self._digests = {clip.id: clip.digest for clip in dataset.clips}
        self._features = features

    def __getitem__(self, clip: str) -> NDArray[np.float32]:
        """Return the means of a clip, `(states, width)`."""
        return self._features.means[self._digests[clip]].float().numpy()


def keep_features(
    encoder: SSLEncoder,
    datasets: Sequence[ClipDataset],
    batch_size: int = 16,
    precision: Precision = "float32",
    cache_dir: str | Path | None = None,
    progress: bool = False,
) -> Features:
    """Return the features of all clips; compute and keep those that aren't there yet.

    They lie in `<cache folder>/features/<key>`, whose key stands for the encoder's
    weights, its preprocessing, the resampler, the precision and crossemo's version;
    there, they go by the contents of the audio files. Change any of it and others are
    made. Any number of processes may do this at once, on one machine or on several that
    share the folder: each file of `CLIPS_PER_FILE` clips is computed by the one that
    locks it first, and they all wait for the last. A process that is killed leaves the
    files that it finished, and its lock is free.

    Args:
        encoder: The encoder, on the device where it is to run. It is evaluated as
            without training, in float32.
        datasets: Clips with waveforms.
        batch_size: Clips that are encoded at once, of similar length.
        precision: How numbers are kept; float16 takes half the space.
        cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
        progress: Show a bar.

    Raises:
        FeatureError: The cache can't be written.
    """
    folder = features_folder(encoder, precision, cache_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _describe(folder, encoder, precision)
        found = Features(_whole(folder))
        chunks = list(_chunks(datasets, found))
        with Progress(transient=True, disable=not progress or not chunks) as bar:
            task = bar.add_task("Encoding clips", total=len(chunks))
            for done in _compute(chunks, folder, encoder, batch_size, precision):
                bar.update(task, completed=done)
    except OSError as error:
        raise FeatureError(
            f"Features can't be written to {folder} ({error.strerror or error}): make "
            "room there, or choose another folder by data.cache_dir or the environment "
            "variable CROSSEMO_CACHE."
        ) from error
    wanted = {clip.digest for dataset in datasets for clip in dataset.clips}
    files = [file for file in _whole(folder) if wanted & set(_digests(file))]
    return Features(files)


def features_folder(
    encoder: SSLEncoder,
    precision: Precision = "float32",
    cache_dir: str | Path | None = None,
) -> Path:
    """Return the folder of an encoder's features."""
    identity = [
        FORMAT,
        __version__,
        encoder.fingerprint(),
        encoder.normalised,
        encoder.sampling_rate,
        audio.RESAMPLER,
        precision,
    ]
    key = blake2b(json.dumps(identity).encode(), digest_size=16).hexdigest()
    home = cache.cache_dir() if cache_dir is None else Path(cache_dir).expanduser()
    return home / "features" / key


class _Chunk:
    """Some clips of a dataset whose features go into one file."""

    def __init__(self, dataset: ClipDataset, places: Sequence[int]) -> None:
        self.dataset, self.places = dataset, list(places)
        self.digests = [dataset.clips[place].digest for place in places]
        joined = "".join(self.digests).encode()
        self.name = blake2b(joined, digest_size=16).hexdigest()

    def batches(self, size: int) -> Iterator[Batch]:
        lengths = [self.dataset.lengths[place] for place in self.places]
        for batch in eval_batches(lengths, size):
            yield self.dataset[[self.places[row] for row in batch]]


def _chunks(datasets: Sequence[ClipDataset], found: Features) -> Iterator[_Chunk]:
    """Cut what is not there into files of similar length, the longest clips first."""
    seen: set[str] = set()
    for dataset in datasets:
        order = sorted(
            range(len(dataset)),
            key=lambda place: (-dataset.lengths[place], dataset.clips[place].digest),
        )
        # Cut before what is there is left out, so that all processes cut alike.
        for start in range(0, len(order), CLIPS_PER_FILE):
            places = []
            for place in order[start : start + CLIPS_PER_FILE]:
                digest = dataset.clips[place].digest
                if digest not in found and digest not in seen:
                    places.append(place)
                seen.add(digest)
            if places:
                yield _Chunk(dataset, places)


def _compute(
    chunks: Sequence[_Chunk],
    folder: Path,
    encoder: SSLEncoder,
    batch_size: int,
    precision: Precision,
) -> Iterator[int]:
    """Compute files until all are there, and say how many are."""
    left = list(chunks)
    locks = folder / "locks"
    locks.mkdir(exist_ok=True)
    while left:
        for chunk in left:
            file = folder / f"{chunk.name}.safetensors"
            try:
                with FileLock(locks / chunk.name, timeout=0):
                    if not file.exists():
                        tensors = _encode(chunk, encoder, batch_size, precision)
                        _write(file, tensors, chunk.digests)
                        yield sum(
                            (folder / f"{one.name}.safetensors").exists()
                            for one in chunks
                        )
            except Timeout:
                continue  # another process is at it
        left = [c for c in left if not (folder / f"{c.name}.safetensors").exists()]
        yield len(chunks) - len(left)
        if left:
            time.sleep(WAIT)


@torch.inference_mode()
def _encode(
    chunk: _Chunk, encoder: SSLEncoder, batch_size: int, precision: Precision
) -> dict[str, Tensor]:
    """Return means and deviations, `(clips, states, width)` each."""
    device = next(encoder.parameters()).device
    places, means, deviations = [], [], []
    training = encoder.training
    encoder.eval()
    for batch in chunk.batches(batch_size):
        states, mask = encoder(batch.waveforms.to(device), batch.lengths)
        for row, count in enumerate(mask.sum(1).tolist()):
            # The frames of a clip come first, and its padding after them.
            frames = states[:, row, :count].float()
            deviation, mean = torch.std_mean(frames, 1, correction=0)
            means.append(mean.cpu())
            deviations.append(deviation.cpu())
        places += batch.indices.tolist()
    encoder.train(training)
    order = [places.index(place) for place in chunk.places]
    kind = torch.float32 if precision == "float32" else torch.float16
    parts = {"mean": means, "deviation": deviations}
    return {name: torch.stack(p)[order].to(kind) for name, p in parts.items()}


def _write(file: Path, tensors: dict[str, Tensor], digests: Sequence[str]) -> None:
    try:
        with replacing(file) as temporary:
            save_file(tensors, temporary, {"clips": json.dumps(list(digests))})
    except SafetensorError as error:  # it hides the cause, as a full disk
        raise OSError(str(error)) from error


def _whole(folder: Path) -> list[Path]:
    return list(folder.glob("[!.]*.safetensors"))


def _digests(file: Path) -> list[str]:
    with safe_open(file, "pt") as opened:
        found: Mapping[str, str] = opened.metadata()
    digests: list[str] = json.loads(found["clips"])
    return digests


def _describe(folder: Path, encoder: SSLEncoder, precision: Precision) -> None:
    """Leave a note of what the features are of, for `crossemo cache`."""
    note = folder / "about.json"
    if not note.exists():
        about = {
            "encoder": encoder.name,
            "precision": precision,
            "crossemo": __version__,
        }
        write_text(note, json.dumps(about))
