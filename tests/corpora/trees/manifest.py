"""A table of one's own: padded speakers, a column that begins with a blank, values."""

from pathlib import Path

from crossemo.corpora.manifest import Manifest
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

# file, speaker, emotion, valence; the fourth bears no emotion
ROWS = (
    ("a/one.wav", "        MK0", "anger", "1.5"),
    ("a/two.wav", "        MK0", "sadness", "2.25"),
    ("b/three.wav", "WR0", "neutral", "5"),
    ("b/four.wav", "WR0", "", "7.5"),
)
WORDS = {"anger": "angry", "sadness": "sad"}


def write(root: Path) -> dict[str, Path]:
    """Write labels.csv and its audio into the root."""
    write_table(
        root / "labels.csv",
        "file,speaker_id, emotion,valence,text",
        *(f'{f},{s},{e},{v},"well; {f}"' for f, s, e, v in ROWS),
    )
    return {Path(file).name: write_sound(root / "clips" / file) for file, *_ in ROWS}


def corpus(root: Path) -> Manifest:
    """Return the corpus of that table."""
    path, audio = root / "labels.csv", root / "clips"
    return Manifest(path, root=audio, words=WORDS, scale=[1, 9, 5])


TREE = OfficialTree(
    corpus,
    write,
    table="labels.csv",
    cell=("sadness,2.25", "sadness,9.25"),
    row='b/three.wav,WR0,neutral,5,"well; b/three.wav"',
    too_low="clips",
    searched=False,
)
