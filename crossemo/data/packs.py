"""Waveforms of some clips in one memory-mapped file, with an index."""

import json
from collections.abc import Iterable
from math import ceil, log2
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from crossemo import cache
from crossemo.data.examples import Example
from crossemo.errors import CrossEmoError

SampleFormat = Literal["int16", "float32"]
BYTES = {"int16": 2, "float32": 4}  # of a sample

Waveform = NDArray[np.float32]


class WaveformError(CrossEmoError):
    """Waveforms that can't be decoded, written or used."""


class Pack:
    """Waveforms of some clips, written together.

    Whole numbers of 16 bits have a step of their own for every clip, the power of two
    at which the loudest sample just fits. Resampled clips beyond full scale thus fit
    as well, and recordings of 16 bits that weren't resampled come back exactly.

    Args:
        folder: What `write_pack` wrote.

    Attributes:
        folder: As given.
        lengths: Samples by key of a clip.
        failures: Why a clip couldn't be decoded, by its key.

    Raises:
        WaveformError: `folder` holds no whole pack.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            if not cache.is_whole(folder / cache.SUMS):
                raise FileNotFoundError
            index = json.loads((folder / "index.json").read_text("utf-8"))
            self._samples = np.load(folder / "waveforms.npy", mmap_mode="r")
        except OSError as error:
            raise WaveformError(
                f"There are no whole waveforms in {folder}: begin again, and they are "
                "decoded once more."
            ) from error
        self.failures: dict[str, str] = index["failures"]
        self.lengths: dict[str, int] = dict(
            zip(index["keys"], index["lengths"], strict=True)
        )
        self._steps: dict[str, float] = dict(
            zip(index["keys"], index["steps"], strict=True)
        )
        ends = np.cumsum(index["lengths"], dtype=np.int64).tolist()
        self._ends = dict(zip(index["keys"], ends, strict=True))

    def __reduce__(self) -> tuple[type["Pack"], tuple[Path]]:
        # A pickled memory map would carry all its samples into every worker.
        return type(self), (self.folder,)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Waveform:
        """Return the samples of a clip from `start` on, before `stop`."""
        length = self.lengths[key]
        first, last, _ = slice(start, stop).indices(length)
        begin = self._ends[key] - length
        samples = self._samples[begin + first : begin + max(first, last)]
        if samples.dtype == np.float32:
            waveform: Waveform = samples
        else:
            waveform = np.multiply(samples, self._steps[key], dtype=np.float32)
        return waveform


def write_pack(
    folder: Path,
    results: Iterable[tuple[Example, Waveform | str]],
    rate: int,
    sample_format: SampleFormat,
) -> None:
    """Fill a folder with the waveforms of clips.

    Args:
        folder: An empty folder.
        results: Every clip with its waveform, or the reason why there is none.
        rate: Sampling rate in Hz.
        sample_format: How samples are written.

    Raises:
        OSError: The disk is full, or the folder can't be written.
    """
    lengths: dict[str, int] = {}
    steps: dict[str, float] = {}
    failures: dict[str, str] = {}
    with (folder / "waveforms.npy").open("wb") as file:
        _write_header(file, 0, sample_format)
        for one, result in results:
            if isinstance(result, str):
                failures[one.key] = result
                continue
            samples, steps[one.key] = _encoded(result, sample_format)
            lengths[one.key] = len(samples)
            file.write(samples.data)
        # NumPy pads headers so that one of a longer array fits in the same place.
        file.seek(0)
        _write_header(file, sum(lengths.values()), sample_format)
    index = {
        "keys": list(lengths),
        "lengths": list(lengths.values()),
        "steps": list(steps.values()),
        "failures": failures,
    }
    counted = "1 clip" if len(lengths) == 1 else f"{len(lengths)} clips"
    about = {"clips": counted, "rate": f"{rate} Hz", "format": sample_format}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def packs_in(folders: Iterable[Path]) -> list[Pack]:
    """Return the packs that are whole."""
    packs = []
    for folder in folders:
        try:
            packs.append(Pack(folder))
        except WaveformError:  # damaged, or just cleared or renewed
            continue
    return packs


def _write_header(file: BinaryIO, samples: int, sample_format: SampleFormat) -> None:
    kind = {"int16": "<i2", "float32": "<f4"}[sample_format]
    header = {"descr": kind, "fortran_order": False, "shape": (samples,)}
    np.lib.format.write_array_header_1_0(file, header)


def _encoded(
    waveform: Waveform, sample_format: SampleFormat
) -> tuple[NDArray[Any], float]:
    """Return samples as they are written, and what one of their steps stands for."""
    if sample_format == "float32":
        return waveform.astype("<f4", copy=False), 1.0
    peak = float(max(waveform.max(), -waveform.min())) or 1.0
    step = 2.0 ** (ceil(log2(peak)) - 15)
    steps = waveform / np.float32(step)
    np.rint(steps, out=steps)
    # A positive peak of just a power of two is one step too high.
    return np.clip(steps, -(2**15), 2**15 - 1, out=steps).astype("<i2"), step
