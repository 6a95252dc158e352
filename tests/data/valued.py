"""Made-up corpora whose valence and arousal can be heard."""

from pathlib import Path

import numpy as np
import soundfile

from crossemo.corpora.base import Clip, Corpus, Domain, Scale

RATE = 16_000  # Hz


class Valued(Corpus):
    """Tones in noise: a higher tone is of more valence, a louder one of more arousal.

    Ratings are what is heard with the raters' noise, by chance, on a scale from 1 to 9
    for speech and from 0 to 1 for music.

    Args:
        root: Where it lies; written by `prepare`.
        domain: `speech` or `music`.
        singers: How many groups.
        takes: Clips of each.
        noise: Standard deviation of the ratings about what is heard, on [-1, 1].
        permuted: Whether ratings are dealt to the clips by chance.
    """

    def __init__(
        self,
        root: str | Path,
        domain: Domain = "music",
        singers: int = 6,
        takes: int = 8,
        noise: float = 0.1,
        permuted: bool = False,
    ) -> None:
        self.root = Path(root)
        self.domain = domain
        self.name = f"valued-{domain}"
        self.singers, self.takes = singers, takes
        self.noise, self.permuted = noise, permuted
        self.scale = Scale(1, 9, 5) if domain == "speech" else Scale(0, 1, 0.5)
        # (clips, 2): valence and arousal on [-1, 1], as the sound and as raters have it
        random = np.random.default_rng(len(domain))
        self.heard = random.uniform(-0.8, 0.8, (singers * takes, 2))
        ratings = self.heard + noise * random.standard_normal(self.heard.shape)
        self.ratings = ratings.clip(-1, 1)
        if permuted:
            self.ratings = random.permutation(self.ratings)

    def prepare(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        for number, (valence, arousal) in enumerate(self.heard):
            path = self._path(number)
            if not path.exists():
                soundfile.write(path, _sound(number, valence, arousal), RATE)

    def clips(self) -> list[Clip]:
        assert self.scale is not None
        low, high = self.scale.low, self.scale.high
        published = low + (self.ratings + 1) / 2 * (high - low)
        return [
            Clip(
                f"{self.name}/{number}",
                self._path(number),
                (f"{self.name}/singer-{number % self.singers}",),
                None,
                round(valence, 4),
                round(arousal, 4),
            )
            for number, (valence, arousal) in enumerate(published.tolist())
        ]

    def _path(self, number: int) -> Path:
        return self.root / f"{self.domain}-{number}.wav"


def _sound(seed: int, valence: float, arousal: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    time = np.arange(round(RATE * random.uniform(0.2, 0.3))) / RATE
    tone = np.sin(2 * np.pi * 600 * 4**valence * time)
    noise = random.standard_normal(len(time))
    samples: np.ndarray = 0.1 * (10 ** (0.5 * arousal) * tone + noise)
    return samples
