"""Demo: made-up speech and song, written by the package itself."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from crossemo import cache
from crossemo.corpora.base import (
    Clip,
    Corpus,
    CorpusError,
    CorpusNotFoundError,
)
from crossemo.corpora.demo_sound.cues import CUES, VERSION, draw_speaker, vary
from crossemo.errors import reason_of
from crossemo.files import expanded
from crossemo.progress import bar

Channel = Literal["speech", "song"]

_CHANNELS = ("speech", "song")
_MOST_THREADS = 4  # more would wait for one another's Python


class Demo(Corpus):
    """Made-up speech and song that show the machinery at work, not science.

    Nobody speaks here: every clip is synthesised from a table of emotional cues
    (`crossemo.corpora.demo_sound.cues`), so a model that does well has recovered our
    table and a result on these clips says nothing about human emotion.

    Content:

    * made-up speakers, each with a pitch, a vocal tract and habits; number 03 speaks
      and sings
    * neutral, calm, happy, sad, angry and fearful, equally often
    * speech: sentences of five vowels; song: melodies of four notes; 0.9 to 1.6 s each
    * level, dynamics, tempo, brightness, roughness, breath and attack tell emotions
      apart in both; pitch, intonation and pauses in speech only; articulation, vibrato
      and mode in song only; all vary from clip to clip, so that emotions overlap

    Format:

    * 16-bit mono WAV at 16 kHz, such as `speech-03-angry-01.wav` (speaker, emotion,
      take), the same bytes for the same arguments on the same machine and libraries

    The six folds take every sixth speaker; voices high and low fall into each.

    The cues and the synthesis follow:

    * Juslin and Laukka (2003), Communication of emotions in vocal expression and music
      performance: different channels, same code?, Psychological Bulletin 129
    * Juslin and Laukka (2004), Expression, perception, and induction of musical
      emotions, Journal of New Music Research 33
    * Rosenberg (1971), Effect of glottal pulse shape on the quality of natural vowels,
      Journal of the Acoustical Society of America 49
    * Klatt (1980), Software for a cascade/parallel formant synthesizer, Journal of the
      Acoustical Society of America 67

    Args:
        channel: `speech` or `song`.
        root: Folder in which the corpus keeps a folder of its own; `demo` in
            `$CROSSEMO_CACHE` or in the user's cache folder if None.
        speakers: Number of speakers, 1 to 24.
        takes: Clips of each emotion by each speaker, 1 to 99.
        seed: Seed of everything random, from 0. More speakers or takes leave the
            others as they are.

    Raises:
        CorpusError: There is no such channel, or a number is out of range.
    """

    folds = tuple(
        frozenset(f"demo/{number:02d}" for number in range(first, 25, 6))
        for first in range(1, 7)
    )
    note = "Demo is made-up sound: it shows the machinery, not science."

    licence = "none: made up by crossemo"

    def __init__(
        self,
        channel: Channel = "speech",
        root: str | Path | None = None,
        speakers: int = 9,
        takes: int = 4,
        seed: int = 0,
    ) -> None:
        if channel not in _CHANNELS:
            raise CorpusError(
                f"Demo has no channel {channel!r}: choose speech or song."
            )
        _check("speakers", speakers, 1, 24)
        _check("takes", takes, 1, 99)
        _check("seed", seed, 0, 2**63 - 1)
        self.channel = channel
        self.speakers, self.takes, self.seed = speakers, takes, seed
        self.name = f"demo-{channel}"
        self.domain = "speech" if channel == "speech" else "music"
        key = f"{channel}-{speakers}x{takes}-seed{seed}-v{VERSION}"
        home = cache.cache_dir() / "demo" if root is None else expanded(root)
        self.root = home / key

    def clips(self) -> list[Clip]:
        """Return every clip once, in order of speaker, emotion and take.

        Raises:
            CorpusNotFoundError: `prepare` has not been called.
            CorpusError: A clip is gone.
        """
        if not os.path.isdir(self.root):
            raise CorpusNotFoundError(
                f"The demo's {self.channel} is not in {self.root}: "
                "call prepare() first, which writes it."
            )
        clips = [self._clip(*key) for key in self._keys()]
        present = set(os.listdir(self.root))
        for clip in clips:
            if clip.path.name not in present:
                raise CorpusError(
                    f"{clip.path} is gone: call prepare(), which writes the demo anew."
                )
        return clips

    def prepare(self) -> None:
        """Write the clips unless they are there; several processes may do so at once.

        Raises:
            CorpusError: They can't be written.
        """
        try:
            if not cache.is_whole(self.root / cache.SUMS):
                self._write()
        except OSError as error:
            raise CorpusError(
                f"The demo can't be written to {self.root} "
                f"({reason_of(error)}): give another root or set the "
                "environment variable CROSSEMO_CACHE."
            ) from error

    def _write(self) -> None:
        keys = list(self._keys())
        with cache.new_folder(self.root) as made:
            write = partial(self._write_clip, made)
            with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
                what = f"Making up {len(keys)} clips of {self.channel}"
                for _ in bar(pool.map(write, keys), what, len(keys)):
                    pass

    def _write_clip(self, folder: Path, key: tuple[int, str, int]) -> None:
        # Whoever only reads the clips need not wait for torch.
        from crossemo.corpora.demo_sound.synthesis import SAMPLING_RATE, sing, speak

        number, emotion, take = key
        speaker = draw_speaker(number, self._rng(0, number))
        channel = 1 + _CHANNELS.index(self.channel)
        rng = self._rng(channel, number, list(CUES).index(emotion), take)
        cues = vary(emotion, speaker, rng)
        waveform = (speak, sing)[channel - 1](cues, speaker, rng)
        samples = np.round(waveform * (2**15 - 1)).astype(np.int16)
        # By way of the memory, as libsndfile doesn't say why a file can't be written.
        content = BytesIO()
        soundfile.write(content, samples, SAMPLING_RATE, "PCM_16", format="WAV")
        path = folder / _file_name(self.channel, number, emotion, take)
        path.write_bytes(content.getvalue())

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def _keys(self) -> Iterator[tuple[int, str, int]]:
        speakers, takes = range(1, self.speakers + 1), range(1, self.takes + 1)
        return product(speakers, CUES, takes)

    def _clip(self, number: int, emotion: str, take: int) -> Clip:
        path = self.root / _file_name(self.channel, number, emotion, take)
        return Clip(
            id=f"demo/{path.stem}",
            path=path,
            groups=(f"demo/{number:02d}",),
            label=emotion,
        )


def _file_name(channel: str, number: int, emotion: str, take: int) -> str:
    return f"{channel}-{number:02d}-{emotion}-{take:02d}.wav"


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise CorpusError(
            f"Demo can't have {name}={value}: choose from {least} to {most}."
        )
