"""A waveform that comes piece by piece, cut into the stretches that a model hears."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossemo.data.windows import MUSIC_WINDOW, WHOLE, Windowing

LONGEST_WHOLE = 60.0  # seconds; attention's memory grows with the square

Waveform = NDArray[np.float32]


class Stretch(NamedTuple):
    """A part of a recording.

    Args:
        start: Its first sample.
        samples: `(samples,)` float32.
    """

    start: int
    samples: Waveform


@dataclass(frozen=True)
class Cutting:
    """How recordings are cut for a model.

    Args:
        rate: Sampling rate in Hz.
        windowing: How recordings are cut. Where they stay whole, those of more than
            `LONGEST_WHOLE` are cut into windows of `MUSIC_WINDOW` all the same, unless
            `always_whole`.
        over_time: Whether each window is answered for, and not the recording.
        excerpt: Seconds of longer recordings that are heard, from their middle; None
            hears all.
        always_whole: Never cut a recording, however long.
    """

    rate: int
    windowing: Windowing = WHOLE
    over_time: bool = False
    excerpt: float | None = None
    always_whole: bool = False

    def plain(self) -> dict[str, Any]:
        """Return what changes answers, ready for JSON, in seconds."""
        cuts = self.windowing.describe(self.rate)
        return {
            **cuts,
            "over_time": self.over_time,
            "excerpt": self.excerpt,
            "always_whole": self.always_whole,
        }

    def cut(self, pieces: Iterable[Waveform]) -> Iterator[Stretch]:
        """Yield the stretches of a recording, as soon as their ends are known.

        Args:
            pieces: `(samples,)` each, one after another.
        """
        if self.windowing.window or self.always_whole:
            return cut(pieces, self.windowing)
        return self._cut_long(iter(pieces))

    def _cut_long(self, rest: Iterator[Waveform]) -> Iterator[Stretch]:
        first: list[Waveform] = []
        while sum(map(len, first)) <= LONGEST_WHOLE * self.rate:
            piece = next(rest, None)
            if piece is None:
                yield from cut(first, WHOLE)
                return
            first.append(piece)
        long = Windowing.of_seconds(MUSIC_WINDOW, None, self.rate)
        yield from cut(_chained(first, rest), long)


def cut(pieces: Iterable[Waveform], windowing: Windowing) -> Iterator[Stretch]:
    """Yield the windows of a waveform that comes piece by piece.

    They are those of `Windowing.windows`; no more than two of them are held back.

    Args:
        pieces: `(samples,)` each, one after another.
        windowing: How it is cut.
    """
    window, hop = windowing.window, windowing.hop
    buffer: list[Waveform] = []
    start = length = 0
    for piece in pieces:
        buffer.append(piece)
        length += len(piece)
        if not window or length < window + hop:
            continue
        samples, place = np.concatenate(buffer), 0
        while place + window + hop <= length:  # so that another one follows
            yield Stretch(start + place, samples[place : place + window])
            place += hop
        buffer, start, length = [samples[place:]], start + place, length - place
    if length:
        samples = np.concatenate(buffer)
        for first, stop in windowing.windows(length):
            yield Stretch(start + first, samples[first:stop])


def _chained(first: list[Waveform], rest: Iterator[Waveform]) -> Iterator[Waveform]:
    while first:
        yield first.pop(0)
    yield from rest
