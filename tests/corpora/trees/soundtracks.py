"""Soundtracks: both sets below one root, excerpts that are twice in set 2, its 017."""

from pathlib import Path

from crossemo.corpora.soundtracks import Soundtracks
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

# number, valence, energy, TARGET, album
SET_1 = (
    (1, 4.83, 6.5, "HAPPY", "Shallow Water"),
    (2, 5.2, 2.4, "SAD", "The Fifth Planet"),
    (3, 2.5, 5.5, "FEAR", "The Untouchables"),
    (4, 2.2, 6.17, "ANGER", "The Fifth Planet"),
    (5, 6.4, 2.67, "TENDER", "Pride and Prejudice"),
    (6, 4.0, 4.5, "SURPRISE", "Grizzly Man"),
    (7, 6.33, 3.5, "HIGH VALENCE", "Night Train"),
    (8, 3.0, 4.17, "HIGH TENSION", "The Fifth Planet"),
    (9, 1.2, 3.8, "LOW VALENCE", "Night Train "),
    (10, 4.5, 6.2, "HAPPY", "Slow Boat"),
    (11, 5.0, 5.9, "HAPPY", "Harbour"),
    (12, 4.6, 2.2, "SAD", "Slow Boat"),
    (13, 5.0, 2.0, "SAD", "Cold Shore"),
    (14, 2.0, 6.0, "ANGER", "Harbour"),
    (15, 2.17, 5.8, "ANGER", "Cold Shore"),
    (16, 6.2, 3.0, "TENDER", "Shallow Water"),
    (17, 6.0, 2.6, "TENDER", "Cold Shore"),
)
# number, valence, energy, TARGET, soundtrack, link
SET_2 = (
    (1, 2.56, 7.73, "ANGER_HIGH", "The Fifth Planet", 4),
    (2, 7.38, 3.21, "TENDER_MODERATE", "Pride & Prejudice", 5),
    (9, 4.54, 8.31, "FEAR_HIGH", "The Untouchables", 3),
    (10, 2.44, 6.67, "SAD_MODERATE", "Night Train", 9),
    (17, 3.02, 4.58, "FEAR_MODERATE", "The Fifth Planet", 8),
    (18, 3.96, 7.17, "FEAR_MODERATE", "The Fifth Planet", 8),
    (95, 3.01, 6.28, "TENSION POS HIGH", "Night Train", 9),
    (96, 7.02, 4.27, "VALENCE NEG MODERATE", "Grizzle Man", 6),
)
HEADER_1 = "number,valence,energy,tension,anger,fear,happy,sad,tender,TARGET"
HEADER_2 = (
    "Number,Valence,Energy,Tension,Anger,Fear,Happy,Sad,Tender,Beauty,Liking,TARGET,"
    "soundtrack,link"
)
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def write(root: Path) -> dict[str, Path]:
    """Write both sets, and return the audio of set 1 by stem."""
    write_set_2(root)
    return write_set_1(root)


def write_set_1(root: Path) -> dict[str, Path]:
    """Write set 1, with its track list, and return its audio by stem."""
    write_table(
        root / "mean_ratings_set1.csv",
        f"{MARK}{HEADER_1}",
        *(f"{n:03},{v},{e},3.25,1,1,2,1,1,{target}" for n, v, e, target, _ in SET_1),
    )
    write_table(
        root / "set1_tracklist.csv",
        "Nro,Emotion,Album name,Track,Min:Sec",
        *(f"{n:03},Some,{album},8,01:38-01:53" for n, *_, album in SET_1),
    )
    return _write_audio(root / "Set1" / "Set1", [song[0] for song in SET_1])


def write_set_2(root: Path) -> dict[str, Path]:
    """Write set 2, with an empty column, and return its audio by stem."""
    write_table(
        root / "mean_ratings_set2.csv",
        f"{MARK}{HEADER_2},",
        *(
            f"{n:03},{v},{e},5.5,1,1,2,1,1,5,5,{target},{album},{link:03},"
            for n, v, e, target, album, link in SET_2
        ),
    )
    write_sound(root / "1-min" / "001.mp3")
    return _write_audio(root / "mp3" / "Soundtrack110_mp3", [song[0] for song in SET_2])


def _write_audio(folder: Path, numbers: list[int]) -> dict[str, Path]:
    audio = {f"{number:03}": folder / f"{number:03}.mp3" for number in numbers}
    for number, path in enumerate(audio.values()):
        write_sound(path, 0.4, 22_050 if number == 1 else 44_100, 2)
    return audio


TREE = OfficialTree(
    Soundtracks,
    write,
    table="mean_ratings_set1.csv",
    cell=("004,2.2,6.17,", "004,2.2,7.17,"),
    row="003,2.5,5.5,3.25,1,1,2,1,1,FEAR",
    too_low="Set1/Set1",
)
