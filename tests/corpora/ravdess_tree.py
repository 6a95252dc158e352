"""Writes made-up clips under RAVDESS's real folder and file names and WAV chunks."""

import os
import shutil
import struct
from collections.abc import Collection, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from crossemo.corpora.ravdess import Channel

STEREO = frozenset(
    {
        "03-01-02-01-01-02-01",
        "03-01-08-01-02-02-01",
        "03-01-02-01-02-02-05",
        "03-01-03-01-02-01-20",
        "03-01-06-01-01-02-20",
        "03-02-01-01-01-01-24",
    }
)
DUPLICATE = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")
# Clips of four actors by emotion.
COUNTS: list[tuple[Channel, dict[str, int]]] = [
    (
        "speech",
        {
            "neutral": 16,
            **dict.fromkeys(("calm", "happy", "sad", "angry"), 32),
            **dict.fromkeys(("fearful", "disgust", "surprised"), 32),
        },
    ),
    (
        "song",
        {
            "neutral": 16,
            **dict.fromkeys(("calm", "happy", "sad", "angry", "fearful"), 32),
        },
    ),
]
DATA_OFFSET = 4096  # bytes; where the samples begin in every real file

_FOLDERS = {"speech": "Audio_Speech_Actors_01-24", "song": "Audio_Song_Actors_01-24"}
_CODES = {"speech": "01", "song": "02"}


class Voice(NamedTuple):
    """How an emotion sounds: pitch, spectral tilt, tremolo (Hz) and peak level."""

    pitch: float
    tilt: float
    tremolo: float
    level: float


VOICES = {
    1: Voice(1.00, 1.5, 3.0, 0.10),
    2: Voice(0.90, 2.5, 2.0, 0.06),
    3: Voice(1.40, 1.0, 6.0, 0.25),
    4: Voice(0.85, 2.2, 2.5, 0.05),
    5: Voice(1.25, 0.3, 9.0, 0.50),
    6: Voice(1.60, 0.8, 11.0, 0.20),
    7: Voice(0.95, 1.2, 4.0, 0.12),
    8: Voice(1.75, 0.6, 7.0, 0.30),
}


def write_ravdess(
    root: Path,
    actors: Collection[int] = (1, 2, 5, 20),
    channels: Collection[str] = ("speech", "song"),
    *,
    emotions: Collection[int] = range(1, 9),
    intensities: Collection[int] = (1, 2),
    statements: Collection[int] = (1, 2),
    repetitions: Collection[int] = (1, 2),
    layout: Literal["apart", "together", "kaggle"] = "apart",
    seconds: float = 0.6,
    rate: int = 48_000,
    seed: int = 0,
) -> dict[str, Path]:
    """Write a tree like the official one: per actor 60 clips of speech, 44 of song.

    Neutral has intensity 1 only, song has emotions 1 to 6, actor 18 has no song; the
    six stereo files and actor 7's duplicate are as in the real corpus. A clip's pitch
    tells actor and emotion, its tilt, tremolo and level the emotion.

    Args:
        root: Folder to write into.
        actors: Actors to write, 1 to 24.
        channels: `speech`, `song` or both.
        emotions: Emotion codes to write, 1 to 8.
        intensities: Intensities to write, 1 and 2.
        statements: Statements to write, 1 and 2.
        repetitions: Repetitions to write, 1 and 2.
        layout: `apart`, a folder per archive; `together`, both unpacked into the same
            actor folders; `kaggle`, as together and everything once more nested.
        seconds: Mean duration; clips differ by up to 15 %.
        rate: Sampling rate in Hz.
        seed: Another seed writes other clips.

    Returns:
        Stem to path, in order, of all clips less the nested copies.
    """
    written = {}
    for channel in channels:
        takes = product(actors, emotions, intensities, statements, repetitions)
        for stem in _stems(channel, takes):
            folder = root / _FOLDERS[channel] if layout == "apart" else root
            path = folder / f"Actor_{stem[-2:]}" / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_wav(path, samples(stem, seconds, rate, seed), rate)
            written[stem] = path
    if layout == "kaggle":
        for path in written.values():
            copy = root / "audio_speech_actors_01-24" / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return dict(sorted(written.items()))


def _stems(channel: str, takes: Iterable[tuple[int, ...]]) -> Iterator[str]:
    for actor, *take in takes:
        emotion, intensity, *_ = take
        neutral_in_strong = emotion == 1 and intensity == 2
        unsung = channel == "song" and (emotion > 6 or actor == 18)
        if not neutral_in_strong and not unsung:
            numbers = "-".join(f"{number:02d}" for number in (*take, actor))
            yield f"03-{_CODES[channel]}-{numbers}"


def samples(
    stem: str, seconds: float = 0.6, rate: int = 48_000, seed: int = 0
) -> NDArray[np.int16]:
    """Return what `write_ravdess` writes for a clip, `(samples, channels)`."""
    channels = 2 if stem in STEREO else 1
    stem = DUPLICATE[0] if stem == DUPLICATE[1] else stem
    _, channel, emotion, intensity, *_, actor = map(int, stem.split("-"))
    voice = VOICES[emotion]
    random = np.random.default_rng([seed, *map(int, stem.split("-"))])
    time = np.arange(round(seconds * random.uniform(0.85, 1.15) * rate)) / rate
    own = (100 if actor % 2 else 180) + 2 * actor  # Hz; odd actors are men
    higher = 1.25 if channel == 2 else 1.0
    pitch = own * voice.pitch * higher * random.uniform(0.97, 1.03)
    phase = 2 * np.pi * pitch * time + random.uniform(0, 2 * np.pi)
    if channel == 2:
        phase += np.sin(2 * np.pi * 5.5 * time)  # a singer's vibrato
    wave = sum(np.sin(k * phase) / k**voice.tilt for k in range(1, 9))
    wave *= 1 + 0.5 * np.sin(2 * np.pi * voice.tremolo * time)
    wave = wave / np.abs(wave).max() + 0.01 * random.standard_normal(len(time))
    level = voice.level * (1.5 if intensity == 2 else 1)
    mono = np.round(wave * level * 32767).astype(np.int16)
    return np.stack([mono] * channels, axis=1)


def write_wav(path: Path, samples: NDArray[np.int16], rate: int) -> None:
    """Write 16-bit PCM `(samples, channels)` with the chunks of the real files."""
    width = 2 * samples.shape[1]
    fmt = struct.pack("<HHIIHH", 1, samples.shape[1], rate, rate * width, width, 16)
    chunks = (
        (b"fmt ", fmt),
        (b"FLLR", bytes(4044)),
        (b"data", samples.astype("<i2").tobytes()),
        (b"LIST", b"INFOICRD" + struct.pack("<I", 10) + b"2013-03-12"),
        (b"bext", bytes(602)),
        (b"_PMX", b"<?xpacket?>" + b" " * 389),
    )
    body = b"WAVE"
    for kind, content in chunks:
        body += kind + struct.pack("<I", len(content)) + content
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def real_ravdess() -> Path:
    """Return the folder of real RAVDESS recordings, or skip the test that asks."""
    beside = Path(__file__).parents[3] / "shared" / "data" / "ravdess"
    folder = Path(os.environ.get("CROSSEMO_RAVDESS", beside))
    if not folder.is_dir():
        pytest.skip("no real RAVDESS recordings: set CROSSEMO_RAVDESS to their folder")
    return folder
