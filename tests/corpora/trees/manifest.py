"""A table of one's own: padded speakers, a column that begins with a blank, values."""

from pathlib import Path

from crossemo.corpora.manifest import Manifest
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

EMOTIONS = ("anger", "sadness", "happiness", "neutral", "")  # the last row bears none
PARTS = {"train": "MK0", "dev": "WR0", "test": "        EB0"}  # part: its speaker
WORDS = {"anger": "angry", "sadness": "sad", "happiness": "happy"}


def rows() -> list[str]:
    """Return the rows: file, speaker, emotion, valence, part, text."""
    cells = [(part, emotion) for part in PARTS for emotion in EMOTIONS]
    cells = cells[:-2] + cells[-1:]
    return [
        f'{p}/{n:02d}.wav,{PARTS[p]},{e},{1 + n / 4:g},{p},"well; {n}"'
        for n, (p, e) in enumerate(cells)
    ]


def write(root: Path) -> dict[str, Path]:
    """Write labels.csv and its audio into the root."""
    write_table(
        root / "labels.csv",
        "file,speaker_id, emotion,valence,split,text",
        *rows(),
    )
    files = [row.split(",")[0] for row in rows()]
    return {Path(f).name: write_sound(root / "clips" / f) for f in files}


def corpus(root: Path) -> Manifest:
    """Return the corpus of that table."""
    path, audio = root / "labels.csv", root / "clips"
    return Manifest(path, root=audio, words=WORDS, scale=[1, 9, 5])


TREE = OfficialTree(
    corpus,
    write,
    table="labels.csv",
    cell=("neutral,3,dev", "neutral,9.25,dev"),
    row='dev/07.wav,WR0,happiness,2.75,dev,"well; 7"',
    too_low="clips",
    searched=False,
    options={"path": "labels.csv", "root": "clips"},
)
