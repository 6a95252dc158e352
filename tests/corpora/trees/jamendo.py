"""A clone of mtg-jamendo-dataset: CRLF, ragged tags, two splits, `.low.mp3`."""

from pathlib import Path

from crossemo.corpora.jamendo import Jamendo
from tests.corpora.trees.base import OfficialTree, write_sound

# track, artist, album, tags, parts by split 0 and split 1
TRACKS = (
    (948, 87, 149, ("background",), "train", "test"),
    (949, 87, 149, ("happy", "film"), "train", "test"),
    (1120, 87, 150, ("melancholic", "sad", "slow"), "train", "test"),
    (10345, 91, 201, ("calm", "melodic", "relaxing"), "train", "validation"),
    (10346, 91, 201, ("happy", "relaxing"), "train", "validation"),
    (20011, 92, 310, ("sad",), "validation", "train"),
    (20012, 92, 310, ("happy",), "validation", "train"),
    (20013, 92, 310, ("relaxing",), "validation", "train"),
    (1400100, 93, 411, ("happy", "energetic", "fun", "party"), "test", "train"),
    (1400101, 93, 411, ("sad", "piano"), "test", "train"),
    (1400102, 93, 411, ("calm",), "test", "train"),
)
PARTS = ("train", "validation", "test")
HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"


def row(track: int, artist: int, album: int, tags: tuple[str, ...]) -> str:
    """Return a row of a table."""
    return (
        f"track_{track:07}\tartist_{artist:06}\talbum_{album:06}\t"
        f"{track % 100:02}/{track}.mp3\t212.7\t"
        + "\t".join(f"mood/theme---{tag}" for tag in tags)
    )


def write_rows(path: Path, *rows: str) -> None:
    """Write a table with lines that end in CRLF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\r\n" for line in (HEADER, *rows)).encode())


def write_tables(clone: Path) -> None:
    """Write the tables of two splits."""
    for place, split in ((-2, "split-0"), (-1, "split-1")):
        for part in PARTS:
            rows = [row(*track[:4]) for track in TRACKS if track[place] == part]
            folder = clone / "data" / "splits" / split
            write_rows(folder / f"autotagging_moodtheme-{part}.tsv", *rows)
            write_rows(folder / f"autotagging_genre-{part}.tsv")


def write_audio(folder: Path) -> dict[str, Path]:
    """Write tracks in low quality, and one that has no tags in the splits."""
    numbers = [track[0] for track in TRACKS]
    audio = {str(n): folder / f"{n % 100:02}" / f"{n}.low.mp3" for n in numbers}
    for number, path in enumerate(audio.values()):
        write_sound(path, 0.4 + number / 20, 22_050 if number == 1 else 44_100)
    write_sound(folder / "77" / "5577.low.mp3")
    return audio


def write(root: Path) -> dict[str, Path]:
    """Write the folder mtg-jamendo-dataset, with the audio in it."""
    clone = root / "mtg-jamendo-dataset"
    write_tables(clone)
    return write_audio(clone / "audio")


TREE = OfficialTree(
    Jamendo,
    write,
    table="mtg-jamendo-dataset/data/splits/split-0/autotagging_moodtheme-train.tsv",
    row=row(*TRACKS[0][:4]) + "\r",
    too_low="mtg-jamendo-dataset/audio",
)
