"""A cache with damage: what is used of it is as before, or refused in a sentence."""

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
from numpy.random import Generator

from crossemo.cache import KINDS, clear, entries
from crossemo.corpora.base import Clip
from crossemo.corpora.demo import Demo
from crossemo.corpora.facts import file_facts
from crossemo.data.dataset import ClipDataset
from crossemo.data.waveforms import WaveformStore
from crossemo.encoders import SSLEncoder, load_encoder
from crossemo.features.frames import keep_frames
from crossemo.features.hidden import keep_features
from tests.examples import examples_of
from tests.fuzz.kinds.encoders import QUICK, pair

RATE = 16_000


@cache
def home() -> TemporaryDirectory[str]:
    """Some clips and a cache with all that is kept of them, gone with the process."""
    folder = TemporaryDirectory(prefix="fuzz-kept-")
    rng = np.random.default_rng(0)
    for number in range(3):
        samples = 0.1 * rng.standard_normal(800 + 100 * number)
        path = Path(folder.name, "clips", f"{number}.wav")
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, samples, RATE)
    return folder


@cache
def encoder() -> SSLEncoder:
    return load_encoder("tiny")


@cache
def expected() -> dict[str, Any]:
    return values(Path(home().name, "cache"))


def values(cache: Path) -> dict[str, Any]:
    """Use every kind of what is kept and return what it gave."""
    folder = Path(home().name, "clips")
    paths = sorted(folder.iterdir())
    demo = Demo("speech", cache / "demo", speakers=1, takes=1)
    demo.prepare()
    contents: dict[str, Any] = {c.id: c.path.read_bytes() for c in demo.clips()}
    contents["facts"] = file_facts(paths, folder, cache)
    clips = [Clip(path.stem, path, ("one",), "sad") for path in paths]
    examples = examples_of(clips)
    store = WaveformStore.prepare(examples, RATE, cache)
    data = ClipDataset(examples, store)
    features = keep_features(encoder(), [data], cache_dir=cache)
    frames = keep_frames(encoder(), [data], [1], cache_dir=cache)
    for key in data.keys:
        contents[f"{key} samples"] = store.read(key).tobytes()
        for kept in (features, frames):
            for name, part in kept[key].items():
                contents[f"{key} {name}"] = part.numpy().tobytes()
    return contents


def make(rng: Generator, folder: Path) -> Path:
    expected()
    place = folder / "cache"
    shutil.copytree(Path(home().name, "cache"), place)
    for _ in range(rng.integers(1, 4)):
        paths = sorted(path for path in place.rglob("*") if path.is_file())
        if not paths:
            break
        path = paths[rng.integers(len(paths))]
        damage = DAMAGES[rng.integers(len(DAMAGES))]
        damage(rng, path)
    if rng.random() < 0.1:
        whole = (place / KINDS[rng.integers(len(KINDS))], place)[rng.integers(2)]
        shutil.rmtree(whole, ignore_errors=True)
        if not os.path.lexists(whole):
            (blocked, circle)[rng.integers(2)](rng, whole)
    return place


def use(path: Path) -> None:
    before = expected()
    for entry in entries(path):
        assert entry.size >= 0
    for _ in range(2):
        after = values(path)
        assert after == before, sorted(k for k in before if after[k] != before[k])
    assert clear(home=path) > 0


def command(path: Path) -> list[str]:
    clips = pair(Path(home().name, "pair"))
    return ["fad", *clips, "--encoder", "tiny", "--cache_dir", str(path), *QUICK]


def flip(rng: Generator, path: Path) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    path.write_bytes(content)


def cut(rng: Generator, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.integers(len(content) + 1)])


def longer(rng: Generator, path: Path) -> None:
    path.write_bytes(path.read_bytes() + rng.bytes(int(rng.integers(1, 101))))


def noise(rng: Generator, path: Path) -> None:
    path.write_bytes(rng.bytes(int(rng.integers(2000))))


def zeros(rng: Generator, path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def swap(rng: Generator, path: Path) -> None:
    others = sorted(path.parent.iterdir())
    other = others[rng.integers(len(others))]
    if other.is_file():
        first, second = path.read_bytes(), other.read_bytes()
        path.write_bytes(second)
        other.write_bytes(first)


def lose(rng: Generator, path: Path) -> None:
    path.unlink()


def lose_folder(rng: Generator, path: Path) -> None:
    shutil.rmtree(path.parent)


def as_folder(rng: Generator, path: Path) -> None:
    path.unlink()
    (path / "below").mkdir(parents=True)


def circle(rng: Generator, path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def pipe(rng: Generator, path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def blocked(rng: Generator, path: Path) -> None:
    path.write_bytes(rng.bytes(10))


def odd_time(rng: Generator, path: Path) -> None:
    moment = int(rng.integers(-(2**31), 2**33))
    os.utime(path, (moment, moment))


def foreign(rng: Generator, path: Path) -> None:
    name = os.fsdecode(bytes(rng.integers(1, 256, 8).astype(np.uint8)))
    name = name.replace("/", "-").strip(".") or "x"
    (path.parent / name).write_bytes(rng.bytes(10))


DAMAGES: tuple[Callable[[Generator, Path], None], ...] = (
    flip,
    flip,
    flip,
    cut,
    cut,
    longer,
    noise,
    zeros,
    swap,
    lose,
    lose_folder,
    as_folder,
    circle,
    pipe,
    odd_time,
    foreign,
)
