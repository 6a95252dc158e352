"""What is computed of clips once and kept in files, for any number of runs."""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

from filelock import FileLock, Timeout

from crossemo import audio, cache
from crossemo.cache import is_whole, sums_of
from crossemo.data.dataset import ClipDataset
from crossemo.features.extraction import (
    Chunk,
    Extractor,
    FeatureError,
    Precision,
    Tensors,
    chunks_of,
    extract,
)
from crossemo.features.packed import files_with, read_clips, write_clips
from crossemo.files import write_text
from crossemo.progress import meter
from crossemo.version import __version__

FORMAT = 4
CLIPS_PER_FILE = 64  # what a killed process loses at most
WAIT = 0.2  # seconds between two looks at what other processes compute
TRIES = 3  # how often the folder may be emptied while it is filled


class Kept(Mapping[str, Tensors]):
    """What is kept of clips, memory-mapped: tensors by name, by key of a clip.

    Args:
        files: Safetensors files as `keep` writes them.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = sorted(files)
        self._clips: dict[str, Tensors] = {}
        for file in self.files:
            self._clips |= read_clips(file)

    def __getitem__(self, key: str) -> Tensors:
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
    batch_samples: int | None = None,
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
        batch_size: Clips, or windows of them, that it gets at once, of similar length.
        precision: How numbers are kept; float16 takes half the space.
        cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
        progress: Show a bar.
        clips_per_file: Clips of a file, which memory holds at once, or fewer where
            they have several windows; `CLIPS_PER_FILE` if None.
        batch_samples: Most samples at once, padding included; a longer clip goes by
            itself. Unbounded if None.

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
            chunks = list(chunks_of(datasets, stored, size))
            if not chunks:
                return stored
            with meter("Computing features", len(chunks), progress) as note:
                how = batch_size, batch_samples, precision
                for count in _compute(chunks, folder, extractor, *how):
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


def _compute(
    chunks: Sequence[Chunk],
    folder: Path,
    extractor: Extractor,
    batch_size: int,
    batch_samples: int | None,
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
                        how = batch_size, batch_samples, precision
                        clips = extract(chunk, extractor, *how)
                        write_clips(file, clips)
                        yield sum(sums_of(one).exists() for one in files.values())
            except Timeout:
                continue  # another process is at it
        left = [one for one in left if not sums_of(files[one.name]).exists()]
        yield len(chunks) - len(left)
        if left:
            time.sleep(WAIT)


def _describe(folder: Path, extractor: Extractor, precision: Precision) -> None:
    """Leave a note of what is kept here, for `crossemo cache`."""
    note = folder / "about.json"
    about = {"of": extractor.name, "precision": precision, "crossemo": __version__}
    text = json.dumps(about).encode()
    if not note.is_file() or note.read_bytes() != text:
        write_text(note, text.decode())


def _unwritable(folder: Path, error: Exception) -> FeatureError:
    return FeatureError(cache.unwritable("Features", folder, error))
