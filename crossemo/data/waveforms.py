"""Clips decoded once into one memory-mapped file.

Reading a clip back costs a few hundredths of decoding it, so that no loader needs
worker processes. The samples stay float32: some RAVDESS clips pass full scale once
resampled, which 16-bit samples would clip.
"""

import json
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from crossemo import audio, cache
from crossemo.corpora.facts import content_digest
from crossemo.data.batch import Content
from crossemo.data.examples import Example
from crossemo.errors import CrossEmoError, listed, reason_of
from crossemo.files import printable
from crossemo.progress import bar

FORMAT = 3
NAMED_IN_WARNINGS = 3
DECODED_AHEAD = 16  # clips that are decoded, or wait to be written

Waveform = NDArray[np.float32]


class WaveformError(CrossEmoError):
    """Waveforms that can't be decoded, written or used."""


class WaveformStore:
    """The waveforms of some clips at one rate, in one memory-mapped file.

    A store lies in `<cache folder>/waveforms/<key>`, whose key stands for the contents
    of the clips, the rate and the resampler. Change any of them and another store is
    made. `prepare` makes one, `open` finds it, `select` says which clips it can serve
    and `store[example.key]` is a read-only view, `(samples,)` float32.

    Args:
        folder: A finished store.

    Attributes:
        folder: Where the store lies.
        rate: Sampling rate in Hz.
        lengths: Samples by key of a clip; 0 for one that couldn't be decoded.
        failures: Why a clip couldn't be decoded, by its key.
        content: What it gives, `waveforms`.

    Raises:
        WaveformError: `folder` holds no whole store.
    """

    content: Content = "waveforms"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            if not cache.is_whole(folder / cache.SUMS):
                raise FileNotFoundError
            index = json.loads((folder / "index.json").read_text("utf-8"))
            self._samples: Waveform = np.load(folder / "waveforms.npy", mmap_mode="r")
        except OSError as error:
            raise WaveformError(
                f"There are no whole waveforms in {folder}: begin again, and they are "
                "decoded once more."
            ) from error
        self.rate: int = index["rate"]
        self.lengths: dict[str, int] = index["lengths"]
        self.failures: dict[str, str] = index["failures"]
        ends = np.cumsum(list(self.lengths.values()))
        self._ends = dict(zip(self.lengths, ends.tolist(), strict=True))

    @classmethod
    def open(
        cls, examples: Sequence[Example], rate: int, cache_dir: str | Path | None = None
    ) -> "WaveformStore":
        """Open the store of these clips.

        Raises:
            WaveformError: It has not been prepared.
        """
        folder = _folder(examples, rate, cache_dir)
        store = _find(folder)
        if store is None:
            raise WaveformError(
                f"The waveforms are not in the cache ({folder}): "
                "call prepare_data() on this machine first."
            )
        return store

    @classmethod
    def prepare(
        cls,
        examples: Sequence[Example],
        rate: int,
        cache_dir: str | Path | None = None,
        progress: bool = False,
    ) -> "WaveformStore":
        """Open the store of these clips; decode them first if there is none.

        Several processes may do this at once. Clips that couldn't be decoded before
        are tried again, since the lacking decoder may have been installed.

        Args:
            examples: The clips, each key once.
            rate: Sampling rate in Hz.
            cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
            progress: Show a bar while decoding.

        Raises:
            WaveformError: No clip can be decoded, or the cache can't be written.
        """
        folder = _folder(examples, rate, cache_dir)
        store = _find(folder)
        if store is not None:
            failed = [one for one in examples if one.key in store.failures]
            if all(isinstance(_decode(one, rate), str) for one in failed):
                return store
        _build(folder, examples, rate, progress)
        return cls(folder)

    def __getitem__(self, key: str) -> Waveform:
        end = self._ends[key]
        return self._samples[end - self.lengths[key] : end]

    def __reduce__(self) -> tuple[type["WaveformStore"], tuple[Path]]:
        # A pickled memory map would carry all its samples into every worker.
        return type(self), (self.folder,)

    def select(
        self, examples: Sequence[Example], min_samples: int = 1, strict: bool = False
    ) -> tuple[list[Example], dict[str, str]]:
        """Part clips into usable ones and the rest.

        Args:
            examples: Clips of this store.
            min_samples: The shortest clip that is of use, in samples.
            strict: Refuse to leave any out.

        Returns:
            The usable clips in order, and the reason why each other is left out, by id.

        Raises:
            WaveformError: No clip is usable, or with `strict`, one is not.
        """
        skipped: dict[str, str] = {}
        for one in examples:
            if one.key in self.failures:
                skipped[one.clip.id] = self.failures[one.key]
            elif (length := self.lengths[one.key]) < min_samples:
                skipped[one.clip.id] = (
                    f"{printable(one.clip.path)} has {length} samples at {self.rate} "
                    f"Hz, fewer than the {min_samples} needed"
                )
        if skipped and (strict or len(skipped) == len(examples)):
            raise WaveformError(skipped_sentence(skipped, len(examples)))
        return [one for one in examples if one.clip.id not in skipped], skipped


def skipped_sentence(skipped: dict[str, str], total: int) -> str:
    """Say how many clips can't be used, and why the first of them can't."""
    reasons = [
        why.rstrip(".") if name in why else f"{name} ({why.rstrip('.')})"
        for name, why in skipped.items()
    ]
    named = listed(reasons, NAMED_IN_WARNINGS)
    return f"{len(reasons)} of {total} clips can't be used: {named}."


def _folder(
    examples: Sequence[Example], rate: int, cache_dir: str | Path | None
) -> Path:
    keys = [example.key for example in examples]
    identity = json.dumps([FORMAT, audio.RESAMPLER, rate, keys])
    key = blake2b(identity.encode(), digest_size=16).hexdigest()
    home = cache.cache_dir(cache_dir)
    return home / "waveforms" / key


def _find(folder: Path) -> WaveformStore | None:
    try:
        return WaveformStore(folder)
    except WaveformError:
        return None


def _build(
    folder: Path, examples: Sequence[Example], rate: int, progress: bool
) -> None:
    for key, times in Counter(one.key for one in examples).items():
        if times > 1:
            same = next(one.clip.id for one in examples if one.key == key)
            raise WaveformError(f"{same} stands for two clips: give each once.")
    try:
        with cache.new_folder(folder, _serves_as_well) as built:
            _write(built, examples, rate, progress)
    except OSError as error:
        sentence = cache.unwritable("The waveforms", folder.parent, error)
        raise WaveformError(sentence) from error


def _write(
    folder: Path, examples: Sequence[Example], rate: int, progress: bool
) -> None:
    lengths: dict[str, int] = {}
    failures: dict[str, str] = {}
    results = _decode_all(examples, rate, progress)
    with (folder / "waveforms.npy").open("wb") as file:
        _write_header(file, 0)
        for one, result in zip(examples, results, strict=True):
            if isinstance(result, str):
                failures[one.key], lengths[one.key] = result, 0
            else:
                lengths[one.key] = len(result)
                file.write(result.astype("<f4", copy=False).tobytes())
        if len(failures) == len(examples):
            names = {e.clip.id: failures[e.key] for e in examples}
            raise WaveformError(skipped_sentence(names, len(examples)))
        # NumPy pads headers so that one of a longer array fits in the same place.
        file.seek(0)
        _write_header(file, sum(lengths.values()))
    index = {"rate": rate, "lengths": lengths, "failures": failures}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _write_header(file: BinaryIO, samples: int) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (samples,)}
    np.lib.format.write_array_header_1_0(file, header)


def _serves_as_well(there: Path, ours: Path) -> bool:
    store = _find(there)  # may be damaged, or lack clips for want of a decoder
    lacking = WaveformStore(ours).failures.keys()
    return store is not None and store.failures.keys() <= lacking


def _decode_all(
    examples: Sequence[Example], rate: int, progress: bool
) -> Iterator[Waveform | str]:
    ahead: deque[Future[Waveform | str]] = deque()
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for one in bar(examples, f"Decoding {len(examples)} clips", shown=progress):
            ahead.append(threads.submit(_decode, one, rate))
            if len(ahead) == DECODED_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _decode(example: Example, rate: int) -> Waveform | str:
    clip = example.clip
    try:
        waveform = audio.decode(clip.path, rate, clip.start, clip.end)
        state = clip.path.stat()
        digest = _digest(clip.path, state.st_size, state.st_mtime_ns)
    except audio.AudioError as error:
        return str(error)
    except OSError as error:
        return f"{printable(clip.path)} can't be read: {reason_of(error)}."
    if digest != example.digest:
        return f"{printable(clip.path)} has changed since it was listed: run again."
    return waveform


@lru_cache  # of a long file many stretches are decoded
def _digest(path: Path, size: int, changed: int) -> str:
    return content_digest(path)
