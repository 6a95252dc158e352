"""Tables of clips with odd names, cells, marks, encodings and damage."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet

from crossemo.corpora.manifest import Manifest
from crossemo.corpora.manifest_writing import write_manifest
from crossemo.data.examples import take_examples
from crossemo.tasks.classes import Classes
from tests.corpora.trees.base import write_sound

Rng = np.random.Generator

# What stands in a column of each name, the usual before the odd.
CELLS: dict[str, tuple[str, ...]] = {
    "file": (
        "0.wav",
        "1.wav",
        "a/2.wav",
        "./3.wav",
        "a\\2.wav",
        "0.WAV",
        "",
        "..",
        "/",
    ),
    "emotion": ("sad", "angry", "Happy", "Q1", "neutral", "", "joy", "\x1b[1m", "1"),
    "speaker_id": ("a", "   a", "A", "b", "", "\xa0b", "fro\u0308h", "a;b", "/"),
    "valence": ("1", "2.5", " 9", "", "10", "-1e-3", "nan", "n/a", "1e999", "3,5"),
    "split": ("train", "dev", "test", "", "valid", "Train", "0", "all"),
    "start": ("0", "0.1", "0 days 00:00:00.1", "", "NaT", "-1", "1e308", "25:00:00"),
    "end": ("0.25", "0.3", "", "NaT", "1 days 00:00:00", "0", "x"),
    "duration": ("0.1", "", "0", "-1"),
    "id": ("x", "y", "z", "", "a/b", "x"),
    "groups": ("g/1", "g/1;g/2", ";", "\\", "g\\;1", ""),
    "about.file": ("fact", ""),
    "text": ("one, two", 'said "no"', "a\nb", "a\tb", "", "=1+1", "\u2028"),
}
OTHER_NAMES = {
    "file": ("path", "file_name", " audio", "Wav", "fille"),
    "emotion": ("label", "quadrant", " emotion", "mood"),
    "speaker_id": ("artist", "song", "Speaker", "group", "text"),
}
MARKS = (",", ",", "\t", ";", "|")
OPTIONS: tuple[dict[str, str | None], ...] = (
    {},
    {"file": "{id}.wav"},
    {"file": "a/{speaker_id}"},
    {"emotion": "text"},
    {"valence": None},
    {"file": "{}"},
    {"odd": "file"},
)


def make(rng: Rng, folder: Path) -> Path:
    """Write a table of a few rows beside some sounds."""
    for name in ("0.wav", "1.wav", "a/2.wav", "3.wav"):
        write_sound(folder / name)
    names = ["file", "emotion", *(n for n in list(CELLS)[2:] if rng.random() < 0.35)]
    rows = [
        {name: _pick(rng, CELLS[name]) for name in names}
        for _ in range(rng.integers(1, 7))
    ]
    spelt = {
        name: _pick(rng, (name, name, name, *OTHER_NAMES.get(name, ())))
        for name in names
    }
    rows = [{spelt[name]: cell for name, cell in row.items()} for row in rows]
    suffix = _pick(rng, (".csv", ".csv", ".csv", ".tsv", ".jsonl", ".parquet"))
    path = folder / f"labels{suffix}"
    path.write_bytes(_content(rng, rows, suffix))
    if rng.random() < 0.3:
        DAMAGES[rng.integers(len(DAMAGES))](rng, path)
    options = OPTIONS[max(0, int(rng.integers(-8, len(OPTIONS))))]
    (folder / "options.json").write_text(json.dumps(options))
    return path


def use(path: Path) -> None:
    """List the clips, take those of a task, write them and read them again."""
    columns = json.loads(path.with_name("options.json").read_text())
    words = {"joy": "happy", "1": "Q1"}
    corpus = Manifest(path, columns=columns, words=words, scale=[1, 9, 5], name="x")
    clips = corpus.clips()
    assert len({clip.id for clip in clips}) == len(clips) > 0
    for clip in clips:
        assert clip.path.exists()
        for text in (clip.id, clip.label or "", *clip.groups):
            assert text.encode().decode().isprintable()
    again = Manifest(**write_manifest(corpus, path.with_name("again.csv"))).clips()
    assert [(c.id, c.groups, c.label, c.valence, c.start, c.end) for c in again] == [
        (c.id, c.groups, c.label, c.valence, c.start, c.end) for c in clips
    ]
    take_examples(corpus, Classes("four").target, path.with_name("cache"))


def command(path: Path) -> list[str]:
    """Return a listing of the table."""
    return [
        "fit",
        "--data=SpeechEmotionDataModule",
        "--data.corpus=Manifest",
        f"--data.corpus.path={path}",
        "--data.corpus.scale=[1, 9, 5]",
        "--model.encoder=tiny",
    ]


def _pick(rng: Rng, texts: tuple[str, ...]) -> str:
    """Return one, most often of the first."""
    return texts[int(len(texts) * rng.random() ** 4)]


def _content(rng: Rng, rows: list[dict[str, str]], suffix: str) -> bytes:
    if suffix == ".parquet":
        sink = pyarrow.BufferOutputStream()
        parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
        content: bytes = sink.getvalue().to_pybytes()
        return content
    if suffix == ".jsonl":
        return "\n".join(json.dumps(row) for row in rows).encode()
    mark = "\t" if suffix == ".tsv" else MARKS[rng.integers(len(MARKS))]
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    quoted = [
        '"' + mark.join('"' + c.replace('"', '""') + '"' for c in line)[1:]
        for line in lines
    ]
    return "\r\n".join(quoted).encode()


def flip(rng: Rng, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    path.write_bytes(content)


def cut(rng: Rng, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.integers(len(content))])


def noise(rng: Rng, path: Path) -> None:
    path.write_bytes(rng.bytes(int(rng.integers(300))))


def marked(rng: Rng, path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def recoded(rng: Rng, path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    path.write_bytes(text.encode(("utf-16", "latin-1")[rng.integers(2)], "replace"))


def insert(rng: Rng, path: Path) -> None:
    odd = (b",", b'"', b"\n", b"\0", b"\r", b"{", b"\xa0", b"[" * 3000, b"x" * 200_000)
    content, place = path.read_bytes(), int(rng.integers(path.stat().st_size + 1))
    path.write_bytes(content[:place] + odd[rng.integers(len(odd))] + content[place:])


def as_folder(rng: Rng, path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: tuple[Callable[[Rng, Path], None], ...] = (
    *(flip, flip, cut, noise, marked, marked, recoded, insert, insert, as_folder),
)
