"""Made-up speech and song in which how much an emotion's cues are shared is set."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.linalg import hadamard

from crossemo.corpora.base import Clip, Corpus

Floats = NDArray[np.float64]
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful")
RATE, SECONDS = 16_000, 0.6
# Middles of eight bands as wide on the mel scale, Hz
BANDS = 700 * (10 ** (np.linspace(250, 2750, 8) / 2595) - 1)
# How loud the bands are, at right angles to each other. Codes of song turn from those
# of speech to the opposite of another's, which is as far from almost all.
CODES: Floats = hadamard(8)[1:7].astype(float)
OTHERS = -np.roll(CODES, 1, axis=0)
GAIN, SPEAKER, CLIP = 4.0, 2.0, 2.0  # dB: of a code, and standard deviations


def codes_of_song(shared: Sequence[float]) -> Floats:
    """Return the codes of song, `(emotions, bands)`.

    Args:
        shared: By emotion, from 0, a code of its own, to 1, that of speech.
    """
    strengths = np.asarray(shared, float)[:, None]
    return strengths * CODES + (1 - strengths**2) ** 0.5 * OTHERS


class SharedCues(Corpus):
    """Noise that speaks and tones that sing, in six emotions.

    An emotion is which bands of the spectrum are loud. All emotions are as far from
    each other; what is loud in song is loud in speech as far as is set.

    Args:
        channel: `speech` or `song`.
        root: Folder for the clips.
        shared: Of each emotion, how much of its cues in song is as in speech, 0 to 1.
        speakers: Number of speakers, who all speak and sing.
        takes: Clips of each emotion by each speaker.
        seed: Seed of everything random.
    """

    folds = tuple(
        frozenset(f"cues/{number:02d}" for number in range(first, 25, 6))
        for first in range(1, 7)
    )

    def __init__(
        self,
        channel: Literal["speech", "song"],
        root: str | Path,
        shared: Sequence[float] = (1, 1, 1, 1, 1, 1),
        speakers: int = 12,
        takes: int = 4,
        seed: int = 0,
    ) -> None:
        self.name = f"cues-{channel}"
        self.domain = "speech" if channel == "speech" else "music"
        self.channel = channel
        self.codes = CODES if channel == "speech" else codes_of_song(shared)
        self.speakers, self.takes, self.seed = speakers, takes, seed
        self.root = Path(root) / channel

    def clips(self) -> list[Clip]:
        """Return every clip once."""
        return [
            Clip(
                id=f"cues/{path.stem}",
                path=path,
                groups=(f"cues/{speaker:02d}",),
                label=EMOTIONS[emotion],
            )
            for speaker, emotion, _, path in self._clips()
        ]

    def prepare(self) -> None:
        """Write the clips."""
        self.root.mkdir(parents=True, exist_ok=True)
        for speaker, emotion, take, path in self._clips():
            if not path.exists():
                soundfile.write(path, self._sound(speaker, emotion, take), RATE)

    def _clips(self) -> Iterator[tuple[int, int, int, Path]]:
        numbers = range(1, self.speakers + 1), range(len(EMOTIONS)), range(self.takes)
        for speaker, emotion, take in product(*numbers):
            name = f"{self.channel}-{speaker:02d}-{EMOTIONS[emotion]}-{take}.wav"
            yield speaker, emotion, take, self.root / name

    def _sound(self, speaker: int, emotion: int, take: int) -> Floats:
        voice = np.random.default_rng((self.seed, speaker))
        rng = np.random.default_rng(
            (self.seed, speaker, emotion, take, self.channel == "song")
        )
        levels = GAIN * self.codes[emotion] + CLIP * rng.standard_normal(8)
        levels += SPEAKER * voice.standard_normal(8)
        time = np.arange(round(SECONDS * RATE)) / RATE
        if self.channel == "speech":  # syllables
            sound = rng.standard_normal(time.size) * (1.2 + np.sin(8 * np.pi * time))
        else:  # a tone of all harmonics as loud
            phase = time * 110 * 2 ** (rng.integers(12) / 12)
            sound = np.diff(np.floor(phase), prepend=0)
        frequencies = np.fft.rfftfreq(time.size, 1 / RATE)
        gains = np.interp(frequencies, BANDS, levels)
        shaped = np.fft.irfft(np.fft.rfft(sound) * 10 ** (gains / 20), time.size)
        shaped += 1e-3 * rng.standard_normal(time.size) * shaped.std()
        normal: Floats = 0.05 * shaped / shaped.std()
        return normal
