"""MERGE, audio and bimodal: a hyphen in a name, songs of 4Q, an artist in two parts."""

from pathlib import Path

from crossemo.corpora.merge import MERGE
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

# id, AllMusic's id, artist, quadrant, arousal, valence, parts by both splits
SONGS = (
    ("A001", "MT0000000303", "Los Verdes", "Q1", 0.7, 0.8125, "train", "train"),
    ("A061-66", "", "Ann Other", "Q2", 0.8, 0.2, "train", "test"),
    ("L200", "MT0000009999", "Ann Other", "Q3", 0.25, 0.3, "test", "train"),
    ("MT0000000101", "", "Blue Lamp", "Q3", 0.5, 0.4, "validate", "validate"),
    ("MT0000000404", "", "Los Verdes", "Q1", 0.75, 0.9, "train", "train"),
    ("MT0000000505", "", "Kings", "Q4", 0.125, 0.6, "test", "test"),
    ("MT0000000909", "", "", "Q2", 0.9, 0.1, "validate", "validate"),
    ("MT0000001010", "", "Slow Choir", "Q4", 0.3, 0.7, "train", "train"),
    ("MT0000001111", "", "Grey", "Q3", 0.2, 0.25, "train", "train"),
    ("MT0000001212", "", "Bright", "Q1", 0.85, 0.8, "test", "test"),
    ("MT0000001313", "", "Harsh", "Q2", 0.95, 0.3, "test", "validate"),
    ("MT0000001414", "", "Brisk", "Q1", 0.625, 0.75, "validate", "validate"),
    ("MT0000001515", "", "Hush", "Q4", 0.1, 0.8, "validate", "test"),
)
LYRICS = {"A001": "L001", "MT0000000404": "L044"}


def write(root: Path) -> dict[str, Path]:
    """Write the folders MERGE_Audio_Complete and MERGE_Bimodal_Complete."""
    write_edition(root / "MERGE_Bimodal_Complete", bimodal=True)
    return write_edition(root / "MERGE_Audio_Complete")


def write_edition(folder: Path, bimodal: bool = False) -> dict[str, Path]:
    """Write one edition, and return its audio by stem."""
    kind = "bimodal_complete" if bimodal else "audio_complete"
    songs = [song for song in SONGS if song[0] in LYRICS or not bimodal]
    head = "Audio_Song,Lyric_Song" if bimodal else "Song"
    names = {s: f"{s},{LYRICS[s]}" if bimodal else s for s, *_ in songs}
    write_table(
        folder / f"merge_{kind}_metadata.csv",
        f"{head},Quadrant,AllMusic Id,AllMusic Extraction Date,Artist,Title,Relevance",
        *(f'{names[s]},{q},{i},,{a},"Song, of {s}",1' for s, i, a, q, *_ in songs),
    )
    write_table(
        folder / f"merge_{kind}_av_values.csv",
        f"{head},Arousal,Valence",
        *(f"{names[s]},{a},{v}" for s, _, _, _, a, v, *_ in songs),
    )
    for place, split in ((-2, "tvt_70_15_15"), (-1, "tvt_40_30_30")):
        for part in ("train", "validate", "test"):
            write_table(
                folder / "tvt_dataframes" / split / f"{split}_{part}_{kind}.csv",
                f"{head},Quadrant",
                *(f"{names[s[0]]},{s[3]}" for s in songs if s[place] == part),
            )
    above = folder / "audio" if bimodal else folder
    audio = {
        song: above / quadrant / f"{song}.mp3" for song, _, _, quadrant, *_ in songs
    }
    for number, path in enumerate(audio.values()):
        write_sound(path, 0.4, 22_050 if number == 1 else 44_100, 1 + number % 2)
    return audio


TREE = OfficialTree(
    MERGE,
    write,
    table="MERGE_Audio_Complete/merge_audio_complete_av_values.csv",
    cell=("A061-66,0.8,", "A061-66,1.8,"),
    row="L200,0.25,0.3",
    too_low="MERGE_Audio_Complete/Q1",
)
