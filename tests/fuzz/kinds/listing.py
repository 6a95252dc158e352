"""Folders of clips with odd names, links, pipes, empty files and copies."""

import os
import socket
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from crossemo.corpora.folders import Folders
from crossemo.corpora.listing import walk_files
from crossemo.data.examples import take_examples
from crossemo.data.waveforms import WaveformStore

Rng = np.random.Generator

RATE = 16_000
NAMES = (
    *(b"angry", b"Sad", b"00", b"clip", b"a b", b"-x", b"~", b"$HOME", b"*", b"[1]"),
    *(b"{x}", b"%s", b"a'b", b'a"b', b"a\\nb", b"a\nb", b"\x1b[31m", b"CON", b"&lt;"),
    *(b"\xfc\xdf", b"\xff\xfe", b"a\xe2\x80\xaeb", b"\xc2\xa0", b"\xed\xa0\x80"),
    *(name.encode() for name in ("fröhlich", "fro\u0308hlich", "怒り", "😀", "İ")),
    *(b"x" * 200, b"a,b", b"a;b", b"a\tb", b"..a", b".hidden", b" ", b"a."),
)
SUFFIXES = (b".wav", b".WAV", b".wav", b".mp3", b".txt", b"", b".wav.wav", b"wav")


def make(rng: Rng, folder: Path) -> Path:
    """Write a tree of some twenty entries."""
    root = os.fsencode(folder / "root")
    os.mkdir(root)
    folders = [root]
    files = [os.path.join(root, b"none")]
    for _ in range(rng.integers(2, 24)):
        place = folders[rng.integers(len(folders))]
        entry = ENTRIES[rng.integers(len(ENTRIES))]
        name = NAMES[rng.integers(len(NAMES))]
        if entry is not below:
            name += str(rng.integers(4)).encode() + SUFFIXES[rng.integers(8)]
        path = os.path.join(place, name)
        if os.path.lexists(path) or len(path) > 2000:
            continue
        entry(rng, path, (folders, files)[entry is not outward])
        (folders if entry is below else files).append(path)
    return folder / "root"


def use(path: Path) -> None:
    """List the tree, read its files and decode them; whatever is left has a text."""
    corpus = Folders(path)
    clips = corpus.clips()
    assert len(clips) == len({clip.id for clip in clips})
    inside = [one for one in walk_files(path) if one.parent != path]
    assert sorted(clip.path for clip in clips) == sorted(inside)
    for text in (one for c in clips for one in (c.id, str(c.label), *c.groups)):
        assert text.encode().decode().isprintable()
    cache = path.with_name("cache")
    for _ in range(2):  # the second time from what is stored
        examples = take_examples(corpus, lambda clip, _: 0, cache)
        store = WaveformStore.prepare(examples, RATE, cache)
        usable, skipped = store.select(examples)
        assert len(usable) + len(skipped) == len(examples)
        assert all(len(store.read(one.key)) for one in usable)


def command(path: Path) -> list[str]:
    """Return a comparison of the tree with another folder."""
    rng = np.random.default_rng(0)
    other = path.with_name("other")
    for number in range(12):
        emotion = (path, other)[number % 2] / "angry" / "deep"
        emotion.mkdir(parents=True, exist_ok=True)
        (emotion / f"sound{number}.wav").write_bytes(_sound(rng))
    options = "--encoder tiny --layers 1 --estimate.permutations 19"
    return ["fad", str(path), str(other), *options.split()]


def _sound(rng: Rng) -> bytes:
    file = BytesIO()
    soundfile.write(file, 0.1 * rng.standard_normal(6000), RATE, format="WAV")
    return file.getvalue()


def below(rng: Rng, path: bytes, others: list[bytes]) -> None:
    os.mkdir(path)


def sound(rng: Rng, path: bytes, others: list[bytes]) -> None:
    Path(os.fsdecode(path)).write_bytes(_sound(rng))


def copied(rng: Rng, path: bytes, others: list[bytes]) -> None:
    content = _sound(np.random.default_rng(0))
    Path(os.fsdecode(path)).write_bytes(content[: int(rng.choice((0, 60, 9999999)))])


def outward(rng: Rng, path: bytes, folders: list[bytes]) -> None:
    """Link to a folder: one of the tree, the link itself, or one further up."""
    targets = (*folders, path, b"..", b".", b"../..", b"gone", b"/proc/self/fd")
    os.symlink(targets[rng.integers(len(targets))], path)


def linked(rng: Rng, path: bytes, files: list[bytes]) -> None:
    os.symlink(files[rng.integers(len(files))], path)


def piped(rng: Rng, path: bytes, others: list[bytes]) -> None:
    os.mkfifo(path)


def device(rng: Rng, path: bytes, others: list[bytes]) -> None:
    os.symlink(rng.choice(("/dev/zero", "/dev/tty", "/dev/stdin")), path)


def socketed(rng: Rng, path: bytes, others: list[bytes]) -> None:
    if len(path) < 100:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path)


ENTRIES: tuple[Callable[[Rng, bytes, list[bytes]], None], ...] = (
    *(below, below, below, sound, sound, sound, copied, copied),
    *(outward, linked, piped, device, socketed),
)
