"""EMO-DB 2.0 in audformat: clips that were added, laryngograms of the same names."""

from functools import partial
from pathlib import Path

from crossemo.corpora.emodb import EMODB
from tests.corpora.trees.base import OfficialTree, write_sound, write_table
from tests.corpora.trees.emodb import ADDED, CLASSIC

WORDS = {
    **{"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness"},
    **{"T": "sadness", "N": "neutral"},
}


def write(root: Path) -> dict[str, Path]:
    """Write the folder emodb into the root."""
    folder = root / "emodb"
    clips = dict(sorted((CLASSIC | ADDED).items()))
    write_table(folder / "db.yaml", "name: emodb", "languages: [deu]")
    write_table(
        folder / "db.files.csv",
        "file,duration,transcription,speaker",
        *(f"wav/{s}.wav,0 days 00:00:00.3,{s[2:5]},{int(s[:2])}" for s in clips),
    )
    header = "file,emotion,emotion.confidence,emotion.naturalness"
    rows = {s: f"wav/{s}.wav,{WORDS[s[5]]},{r},{n}" for s, (r, n) in clips.items()}
    write_table(folder / "db.emotion.csv", header, *rows.values())
    ambiguous = folder / "db.emotion.categories.ambiguous.csv"
    write_table(ambiguous, header, *(rows[stem] for stem in ADDED))
    audio = {}
    for stem in clips:
        write_sound(folder / "laryngo" / f"{stem}.wav", 0.1)
        audio[stem] = write_sound(folder / "wav" / f"{stem}.wav")
    return audio


TREE = OfficialTree(
    partial(EMODB, release="2.0"),
    write,
    table="emodb/db.emotion.csv",
    row="wav/03a01Wa.wav,anger,0.95,0.7",
    too_low="emodb/wav",
)
