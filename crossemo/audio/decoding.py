"""A file's sound, block by block: mixed down, resampled, and judged by its level."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from crossemo.audio.base import AudioError, RefusedError, open_regular
from crossemo.audio.reading import Sound, read_header, read_sound
from crossemo.errors import reason_of
from crossemo.files import printable

RESAMPLER = f"soxr-hq-{soxr.__version__}"

LONGEST = 3600  # seconds of a clip
LONGEST_STREAM = 7 * 24 * 3600  # seconds
SILENCE = -80  # dBFS, some three steps of 16 bits
CANCELLED = -40  # dB below the loudest channel
LOUDEST = 40  # dBFS

Waveform = NDArray[np.float32]


def decode(
    path: Path, rate: int, start: float = 0.0, end: float | None = None
) -> Waveform:
    """Return the waveform of a file or of a stretch of it, mono, at the wanted rate.

    Channels are averaged before they are resampled, by soxr in its HQ quality. Of a
    long file no more than the waveform is held in memory, which an hour limits.

    Args:
        path: A file that libsndfile reads (WAV, FLAC, Ogg, MP3, AIFF, ...) or, with
            `crossemo[formats]` and ffmpeg, one that torchcodec reads.
        rate: Wanted sampling rate in Hz.
        start: Where the stretch begins, in seconds.
        end: Where it ends, in seconds; with the file if None or beyond its end.

    Returns:
        `(samples,)` float32. Full scale of the file is 1; resampling a loud file can
        go a little beyond.

    Raises:
        AudioError: The file can't be read, is not audio, is cut short or damaged, or
            holds no sample, only silence, values that are not finite, or more than an
            hour.
    """
    with _refusing(path), open_regular(path) as file:
        until = min(start + LONGEST + 1, end or inf)
        sound = read_sound(file, path, until)
        pieces = [*_waveform(sound, rate, start, end, LONGEST)]
        return np.ascontiguousarray(np.concatenate(pieces), dtype=np.float32)


def stream(
    path: Path, rate: int, start: float = 0.0, end: float | None = None
) -> Iterator[Waveform]:
    """Yield the waveform that `decode` returns piece by piece, however long it is.

    No more than a few pieces are held in memory; of a format that libsndfile doesn't
    read, all of them are. Whether the whole is silent or cut short shows at its end.

    Args:
        path: As in `decode`.
        rate: As in `decode`.
        start: As in `decode`.
        end: As in `decode`.

    Yields:
        `(samples,)` float32, one after another.

    Raises:
        AudioError: As in `decode`, but for the length.
    """
    with _refusing(path), open_regular(path) as file:
        sound = read_sound(file, path, min(end or inf, LONGEST_STREAM + 1))
        for piece in _waveform(sound, rate, start, end, LONGEST_STREAM):
            yield piece.astype(np.float32, copy=False)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Say of a file why it can't be used.

    Raises:
        AudioError: Whatever is raised inside.
    """
    name = printable(path)
    try:
        yield
    except RefusedError as refusal:
        raise AudioError(f"{name} {refusal}") from refusal
    except OSError as error:
        raise AudioError(f"{name} can't be read: {reason_of(error)}.") from error
    except MemoryError as error:
        raise AudioError(f"{name} doesn't fit into the memory.") from error
    except Exception as error:  # whatever a decoder may raise of a damaged file
        kind = type(error).__name__
        raise AudioError(
            f"{name} can't be decoded: {kind}: {reason_of(error)}."
        ) from error


def header(path: Path) -> tuple[int | None, int, int] | None:
    """Return samples of a channel, sampling rate in Hz and channels, by the header.

    Nothing is decoded. None where libsndfile can't read the header, and None samples
    where it doesn't count them.
    """
    try:
        with open_regular(path) as file:
            return read_header(file)
    except Exception:  # whatever a damaged file makes libsndfile or soundfile raise
        return None


def _waveform(
    sound: Sound, rate: int, start: float, end: float | None, longest: float
) -> Iterator[Waveform]:
    """Yield the pieces of a waveform; judge the whole once they are there."""
    levels = _Levels()
    mono = _mixed(_stretch(sound, start, end, longest), levels)
    length = 0
    for piece in _resampled(mono, sound.rate, rate):
        length += len(piece)
        yield piece
    levels.check()
    if not length:
        raise RefusedError(f"is too short to give one sample at {rate} Hz.")


def _stretch(
    sound: Sound, start: float, end: float | None, longest: float
) -> Iterator[NDArray[np.float32]]:
    """Yield the blocks, or parts of them, of a stretch.

    Raises:
        RefusedError: It has no sample, or is longer than it may be.
    """
    first = round(start * sound.rate)
    stop = None if end is None else round(end * sound.rate)
    total = given = 0
    for block in sound.blocks:
        last = len(block) if stop is None else stop - total
        part = block[max(0, first - total) : max(0, last)]
        total += len(block)
        given += len(part)
        if given > longest * sound.rate:
            raise RefusedError(
                f"is longer than {longest:g} s, the most that is decoded at once: "
                "split it, or take stretches of it."
            )
        if len(part):
            yield part
        if stop is not None and total >= stop:
            break
    if not total:
        raise RefusedError("holds no samples.")
    if not given:
        raise RefusedError(
            f"has {total / sound.rate:g} s and no sample from {start:g} s."
        )


def _mixed(
    blocks: Iterable[NDArray[np.float32]], levels: "_Levels"
) -> Iterator[Waveform]:
    for block in blocks:
        # Of values that are refused.
        with np.errstate(over="ignore", invalid="ignore"):
            mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
            levels.add(block, mono)
        yield mono


def _resampled(
    blocks: Iterable[Waveform], native: int, rate: int
) -> Iterator[Waveform]:
    if native == rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(native, rate, 1, dtype="float32", quality="HQ")
    try:
        for block, last in _with_last(blocks):
            yield stream.resample_chunk(block, last)
    finally:
        del stream  # the traceback of an error would hold it beyond the library's end


def _with_last(blocks: Iterable[Waveform]) -> Iterator[tuple[Waveform, bool]]:
    """Yield blocks, and whether each is the last."""
    ahead = None
    for block in blocks:
        if ahead is not None:
            yield ahead, False
        ahead = block
    if ahead is not None:
        yield ahead, True


class _Levels:
    """The lowest and the highest value of every channel and, behind them, of the mean.

    Half of what lies between them is a level that a constant offset doesn't change.
    """

    def __init__(self) -> None:
        self.lowest = self.highest = np.zeros(0, np.float32)

    def add(self, block: NDArray[np.float32], mono: Waveform) -> None:
        """Count in `(samples, channels)` and their mean, `(samples,)`."""
        each = block.T if block.shape[1] > 1 else ()
        lowest = np.array([*(one.min() for one in each), mono.min()])
        highest = np.array([*(one.max() for one in each), mono.max()])
        first = not len(self.lowest)
        self.lowest = lowest if first else np.minimum(self.lowest, lowest)
        self.highest = highest if first else np.maximum(self.highest, highest)

    def check(self) -> None:
        """Refuse what is no sound.

        Raises:
            RefusedError: Values aren't finite or beyond all levels, or there is silence
                or as good as silence once the channels are averaged.
        """
        if not np.isfinite([self.lowest, self.highest]).all():
            raise RefusedError("holds samples that are not finite (NaN or infinity).")
        peak = np.abs([self.lowest, self.highest]).max()
        if peak > 10 ** (LOUDEST / 20):
            raise RefusedError(
                f"holds samples of up to {peak:g}, where full scale is 1: scale them."
            )
        spans = (self.highest - self.lowest) / 2
        mono, loudest = spans[-1], spans.max()
        if loudest < 10 ** (SILENCE / 20):
            raise RefusedError(
                f"is silent: nothing in it is louder than {SILENCE} dBFS."
            )
        if mono < max(10 ** (SILENCE / 20), loudest * 10 ** (CANCELLED / 20)):
            raise RefusedError(
                "is silent once its channels are averaged, as they cancel each other: "
                "turn one of them round, or keep one."
            )
