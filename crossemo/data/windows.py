"""Where long clips are cut: into windows that are all judged, or at random."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import numpy as np

from crossemo.errors import CrossEmoError

MUSIC_WINDOW = 10.0  # seconds, where a corpus has no window of its own
CUT = "#"  # parts the key of a clip from how it is cut and was written
CROPS = 1  # a stream of random numbers of its own, beside that of the shuffling


class Window(NamedTuple):
    """A stretch of a clip.

    Args:
        clip: Position of the clip in its dataset.
        start: Its first sample.
        stop: The sample after its last.
        counted: False where it is repeated only to give every process as much.
    """

    clip: int
    start: int
    stop: int
    counted: bool = True

    @property
    def length(self) -> int:
        """Samples."""
        return self.stop - self.start


@dataclass(frozen=True)
class Windowing:
    """How the clips of a corpus are cut.

    Args:
        window: Samples of a window; clips that are no longer stay whole, as do all of
            them if it is 0.
        hop: Samples from the start of one window to that of the next.
    """

    window: int = 0
    hop: int = 0

    @classmethod
    def of_seconds(
        cls,
        window: float | None,
        hop: float | None,
        rate: int,
        min_samples: int = 1,
    ) -> "Windowing":
        """Return the windowing of so many seconds.

        Args:
            window: Seconds of a window; None or 0 leaves clips whole.
            hop: Seconds from one window to the next; those of a window if None.
            rate: Sampling rate in Hz.
            min_samples: Shortest window that is of use, in samples.

        Raises:
            CrossEmoError: A window would be too short or no number, or samples would
                lie between two windows.
        """
        if hop is not None and not (isfinite(hop) and hop > 0):
            raise CrossEmoError(f"hop is {hop:g} s: choose a hop above 0.")
        hop = window if hop is None else hop
        if not window or hop is None:
            return WHOLE
        shortest = 2 * min_samples / rate  # as a last window may have half the length
        if not (isfinite(window) and window >= shortest):
            raise CrossEmoError(
                f"window is {window:g} s: choose {shortest:g} s or more, or 0 to take "
                "clips whole."
            )
        if not 1 / rate <= hop <= window:
            raise CrossEmoError(
                f"hop is {hop:g} s and window {window:g} s: choose a hop of a sample "
                "at the least that is no longer than a window, so that all of a clip "
                "is heard."
            )
        return cls(round(window * rate), round(hop * rate))

    def describe(self, rate: int) -> dict[str, float | None]:
        """Return both in seconds, ready for JSON; None where clips stay whole."""
        if not self.window:
            return {"window": None, "hop": None}
        return {"window": self.window / rate, "hop": self.hop / rate}

    def cuts(self, length: int) -> bool:
        """Return whether a clip of so many samples is cut."""
        return 0 < self.window < length

    def windows(self, length: int) -> list[tuple[int, int]]:
        """Return the windows that make up a clip.

        What is left after the last whole window is one of its own if it has half the
        length at least, and else belongs to the last. So windows have from half to one
        and a half times the length.

        Args:
            length: Samples of the clip.

        Returns:
            First sample of each window, and the one after its last.

        >>> Windowing(10, 10).windows(24), Windowing(10, 10).windows(25)
        ([(0, 10), (10, 24)], [(0, 10), (10, 20), (20, 25)])
        """
        if not self.cuts(length):
            return [(0, length)]
        starts = range(0, length - self.window + 1, self.hop)
        windows = [(start, start + self.window) for start in starts]
        if 2 * (length - windows[-1][1]) < self.window:
            windows[-1] = (starts[-1], length)
        else:
            windows.append((starts[-1] + self.hop, length))
        return windows

    def crop(self, length: int, draw: float) -> tuple[int, int]:
        """Return a stretch of a clip, as long as a window.

        Args:
            length: Samples of the clip.
            draw: From 0 to less than 1; where it lies, evenly.
        """
        if not self.cuts(length):
            return 0, length
        start = int(draw * (length - self.window + 1))
        return start, start + self.window

    def key(self, key: str, length: int) -> str:
        """Return what things that are computed of a clip are kept by.

        Args:
            key: What the samples of the clip are known by.
            length: Samples of the clip.
        """
        return f"{key}{CUT}{self.window}-{self.hop}" if self.cuts(length) else key


WHOLE = Windowing()


def all_windows(
    lengths: Sequence[int], windowings: Sequence[Windowing]
) -> list[Window]:
    """Return all windows of some clips, in order.

    Args:
        lengths: Samples of each clip.
        windowings: How each clip is cut.
    """
    return [
        Window(clip, start, stop)
        for clip, (length, one) in enumerate(zip(lengths, windowings, strict=True))
        for start, stop in one.windows(length)
    ]


def random_crops(
    lengths: Sequence[int],
    windowings: Sequence[Windowing],
    seed: int,
    epoch: int,
    again: Sequence[int] = (),
) -> list[Window]:
    """Return one window of each clip, which depends on seed, epoch and clip alone.

    Args:
        lengths: Samples of each clip.
        windowings: How each clip is cut.
        seed: Seed of the crops.
        epoch: Number of the epoch.
        again: Positions of clips of which one more window comes behind the others.
    """
    clips = [*range(len(lengths)), *again]
    draws = np.random.default_rng((seed, epoch, CROPS)).random(len(clips))
    return [
        Window(clip, *windowings[clip].crop(lengths[clip], draw))
        for clip, draw in zip(clips, draws.tolist(), strict=True)
    ]
