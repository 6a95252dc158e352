"""Clips decoded once into one memory-mapped file.

Reading a clip back costs a few hundredths of decoding it, so that no loader needs
worker processes. The samples stay float32: some RAVDESS clips pass full scale once
resampled, which 16-bit samples would clip.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from crossemo import audio, cache
from crossemo.corpora.base import Clip
from crossemo.errors import CrossEmoError

FORMAT = 1
NAMED_IN_WARNINGS = 3
DECODED_AHEAD = 64

Waveform = NDArray[np.float32]


class WaveformError(CrossEmoError):
    """Waveforms that can't be decoded, written or used."""


class WaveformStore:
    """The waveforms of a list of clips at one rate, in one memory-mapped file.

    A store lies in `<cache folder>/waveforms/<key>`, whose key stands for the contents
    of the clips, the rate and the resampler. Change any of them and another store is
    made. `prepare` makes one, `open` finds it, `select` says which clips it can serve
    and `store[clip.id]` is a read-only view, `(samples,)` float32.

    Args:
        folder: A finished store.

    Attributes:
        folder: Where the store lies.
        rate: Sampling rate in Hz.
        lengths: Samples per clip id; 0 for a clip that couldn't be decoded.
        failures: Why a clip couldn't be decoded, by clip id.

    Raises:
        WaveformError: `folder` holds no whole store.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            index = json.loads((folder / "index.json").read_text("utf-8"))
            self._samples: Waveform = np.load(folder / "waveforms.npy", mmap_mode="r")
        except (OSError, EOFError, ValueError) as error:
            raise WaveformError(f"There is no whole store in {folder}.") from error
        self.rate: int = index["rate"]
        self.lengths: dict[str, int] = index["lengths"]
        self.failures: dict[str, str] = index["failures"]
        ends = np.cumsum(list(self.lengths.values()))
        if ends[-1] != len(self._samples):
            raise WaveformError(f"There is no whole store in {folder}.")
        self._ends = dict(zip(self.lengths, ends.tolist(), strict=True))

    @classmethod
    def open(
        cls, clips: Sequence[Clip], rate: int, cache_dir: str | Path | None = None
    ) -> "WaveformStore":
        """Open the store of these clips.

        Raises:
            WaveformError: It has not been prepared.
        """
        folder = _folder(clips, rate, cache_dir)
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
        clips: Sequence[Clip],
        rate: int,
        cache_dir: str | Path | None = None,
        progress: bool = False,
    ) -> "WaveformStore":
        """Open the store of these clips; decode them first if there is none.

        Several processes may do this at once. Clips that couldn't be decoded before
        are tried again, since the lacking decoder may have been installed.

        Args:
            clips: The clips, each id once.
            rate: Sampling rate in Hz.
            cache_dir: The cache folder; `crossemo.cache.cache_dir` if None.
            progress: Show a bar while decoding.

        Raises:
            WaveformError: No clip can be decoded, or the cache can't be written.
        """
        folder = _folder(clips, rate, cache_dir)
        store = _find(folder)
        if store is not None:
            failed = [clip for clip in clips if clip.id in store.failures]
            if all(isinstance(_decode(clip, rate), str) for clip in failed):
                return store
        _build(folder, clips, rate, progress)
        return cls(folder)

    def __getitem__(self, clip_id: str) -> Waveform:
        end = self._ends[clip_id]
        return self._samples[end - self.lengths[clip_id] : end]

    def __reduce__(self) -> tuple[type["WaveformStore"], tuple[Path]]:
        # A pickled memory map would carry all its samples into every worker.
        return type(self), (self.folder,)

    def select(
        self, clips: Sequence[Clip], min_samples: int = 1, strict: bool = False
    ) -> tuple[list[Clip], dict[str, str]]:
        """Part clips into usable ones and the rest.

        Args:
            clips: Clips of this store.
            min_samples: The shortest clip that is of use, in samples.
            strict: Refuse to leave any out.

        Returns:
            The usable clips in order, and the reason why each other is left out, by id.

        Raises:
            WaveformError: No clip is usable, or with `strict`, one is not.
        """
        skipped: dict[str, str] = {}
        for clip in clips:
            if clip.id in self.failures:
                skipped[clip.id] = self.failures[clip.id]
            elif (length := self.lengths[clip.id]) < min_samples:
                skipped[clip.id] = (
                    f"{clip.path} has {length} samples at {self.rate} Hz, "
                    f"fewer than the {min_samples} needed"
                )
        if skipped and (strict or len(skipped) == len(clips)):
            raise WaveformError(skipped_sentence(skipped, len(clips)))
        return [clip for clip in clips if clip.id not in skipped], skipped


def skipped_sentence(skipped: dict[str, str], total: int) -> str:
    """Say how many clips can't be used, and why the first of them can't."""
    reasons = [f"{name} ({why.rstrip('.')})" for name, why in skipped.items()]
    more = len(reasons) - NAMED_IN_WARNINGS
    rest = f" and {more} more" if more > 0 else ""
    named = ", ".join(reasons[:NAMED_IN_WARNINGS])
    return f"{len(reasons)} of {total} clips can't be used: {named}{rest}."


def _folder(clips: Sequence[Clip], rate: int, cache_dir: str | Path | None) -> Path:
    contents = [(clip.id, clip.digest) for clip in clips]
    identity = json.dumps([FORMAT, audio.RESAMPLER, rate, contents])
    key = blake2b(identity.encode(), digest_size=16).hexdigest()
    home = cache.cache_dir() if cache_dir is None else Path(cache_dir).expanduser()
    return home / "waveforms" / key


def _find(folder: Path) -> WaveformStore | None:
    try:
        return WaveformStore(folder)
    except WaveformError:
        return None


def _build(folder: Path, clips: Sequence[Clip], rate: int, progress: bool) -> None:
    for name, times in Counter(clip.id for clip in clips).items():
        if times > 1:
            raise WaveformError(f"{name} stands for two clips: ids must be unique.")
    try:
        with cache.new_folder(folder, _serves_as_well) as built:
            _write(built, clips, rate, progress)
    except OSError as error:
        raise WaveformError(
            f"The waveforms can't be written to {folder.parent} "
            f"({error.strerror or error}): make room there, or choose another folder "
            "by data.cache_dir or the environment variable CROSSEMO_CACHE."
        ) from error


def _write(folder: Path, clips: Sequence[Clip], rate: int, progress: bool) -> None:
    lengths: dict[str, int] = {}
    failures: dict[str, str] = {}
    with (folder / "waveforms.npy").open("wb") as file:
        _write_header(file, 0)
        for clip, result in zip(clips, _decode_all(clips, rate, progress), strict=True):
            if isinstance(result, str):
                failures[clip.id], lengths[clip.id] = result, 0
            else:
                lengths[clip.id] = len(result)
                file.write(result.astype("<f4", copy=False).tobytes())
        if len(failures) == len(clips):
            raise WaveformError(skipped_sentence(failures, len(clips)))
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
    clips: Sequence[Clip], rate: int, progress: bool
) -> Iterator[Waveform | str]:
    console = Console(stderr=True)
    shown = track(
        range(0, len(clips), DECODED_AHEAD),
        description=f"Decoding {len(clips)} clips",
        console=console,
        transient=True,
        disable=not (progress and console.is_terminal),
    )
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        for start in shown:
            block = clips[start : start + DECODED_AHEAD]
            yield from threads.map(lambda clip: _decode(clip, rate), block)


def _decode(clip: Clip, rate: int) -> Waveform | str:
    try:
        return audio.decode(clip.path, rate)
    except audio.AudioError as error:
        return str(error)
