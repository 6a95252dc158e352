"""Made-up corpora of short tones, and processes that work on them."""

import os
import signal
from collections.abc import Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from crossemo import audio
from crossemo.corpora.base import Clip, Corpus, Domain
from crossemo.data.examples import Example
from crossemo.data.waveforms import WaveformStore
from tests.examples import examples_of

RATE = 16_000  # Hz
LENGTHS = (700, 1200, 300, 1000)  # samples of the clips that `conftest` writes
SIX = ("neutral", "calm", "happy", "sad", "angry", "fearful")


class Tones(Corpus):
    """Clips by a few singers, one per emotion and take, each of another length.

    Written by `prepare`; `listed` counts how often `clips` was called.
    """

    folds = tuple(frozenset({f"tones/{singer}"}) for singer in range(6))

    def __init__(
        self,
        root: str | Path,
        channel: str = "speech",
        singers: Sequence[int] = range(6),
        emotions: Sequence[str] = SIX,
        takes: int = 1,
        without: Sequence[str] = (),
    ) -> None:
        self.root = Path(root)
        self.channel = channel
        self.singers = singers
        self.emotions = emotions
        self.takes = takes
        self.without = without
        self.name = f"tones-{channel}"
        self.domain: Domain = "speech" if channel == "speech" else "music"
        self.listed = 0

    def prepare(self) -> None:
        stems = [
            f"{self.channel}-{singer}-{emotion}-{take}"
            for singer in self.singers
            for emotion in self.emotions
            for take in range(self.takes)
        ]
        for number, stem in enumerate(stems):
            path = self.root / f"{stem}.wav"
            if stem not in self.without and not path.exists():
                length = 800 + 37 * (number * 7 % len(stems))
                write_tone(path, tone(length, number))

    def clips(self) -> list[Clip]:
        self.listed += 1
        return [
            tone_clip(path) for path in sorted(self.root.glob(f"{self.channel}-*.wav"))
        ]


def tone(length: int, seed: int = 0) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, length)
    return noise.astype(np.float32)


def assert_tone(samples: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Check samples that lay on the disk in 16 bits, half of whose step may be lost."""
    assert samples.dtype == np.float32
    step = 2.0 ** np.ceil(np.log2(np.abs(expected).max())) / 2**15
    highest = (2**15 - 1) * step
    expected = np.minimum(expected, highest)
    np.testing.assert_allclose(samples, expected, rtol=0, atol=step / 2)


def write_tone(path: Path, samples: NDArray[np.float32], rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="FLOAT")


def tone_clip(path: Path) -> Clip:
    _, singer, emotion, _ = path.stem.split("-")
    return Clip(f"tones/{path.stem}", path, (f"tones/{singer}",), emotion)


def tone_example(path: Path) -> Example:
    (example,) = examples_of([tone_clip(path)])
    return example


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "waveforms").glob("*"))


def prepare_when_both_are_ready(
    barrier: Barrier, clips: list[Example], cache: Path, results: "Queue[float]"
) -> None:
    barrier.wait(60)
    store = WaveformStore.prepare(clips, RATE, cache, sample_format="float32")
    results.put(float(sum(store[clip.key].sum() for clip in clips)))


def prepare_and_be_killed(clips: list[Example], cache: Path) -> None:
    decode = audio.decode

    def fatal(path: Path, rate: int, *stretch: Any) -> NDArray[np.float32]:
        if path == clips[-1].clip.path:
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(path, rate)

    vars(audio)["decode"] = fatal
    WaveformStore.prepare(clips, RATE, cache)
