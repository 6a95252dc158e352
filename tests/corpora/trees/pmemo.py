"""PMEmo2019: arousal first, a chorus that is too short to be rated, a song twice."""

from pathlib import Path

from crossemo.corpora.pmemo import PMEmo
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

# id, title, artist, arousal, valence; 4 is not rated, 853 and 854 are one song
SONGS = (
    (1, "Good Thing", "Sage The Gemini", 0.4, 0.575),
    (4, "Too Short", "Nobody", None, None),
    (5, "Summer", "Calvin Harris", 0.9, 0.8),
    (6, "Habits", "Tove Lo", 0.7, 0.3),
    (7, "Stay, With Me", "Sam Smith", 0.2, 0.2),
    (10, "Midline", "Ed Sheeran", 0.5, 0.75),
    (11, "Ghost", "Ella Henderson", 0.6, 0.4),
    (12, "Rude", "MAGIC!", 0.75, 0.45),
    (13, "Latch", "Disclosure", 0.3, 0.3),
    (14, "Waves", "Mr Probz", 0.35, 0.25),
    (16, "Budapest", "George Ezra", 0.45, 0.6),
    (17, "Riptide", "Vance Joy", 0.4, 0.7),
    (853, "Call On Me", "Starley", 0.8, 0.6125),
    (854, "Call on Me", "STARLEY", 0.8125, 0.6),
)


def write(root: Path) -> dict[str, Path]:
    """Write the folder PMEmo2019 into the root."""
    folder = root / "PMEmo2019"
    header = "musicId,fileName,title,artist,album,duration,chorus_start_time"
    write_table(
        folder / "metadata.csv",
        f"{header},chorus_end_time",
        *(f'{i},{i}.mp3,"{t}",{a},Album,200.1,31,61.5' for i, t, a, *_ in SONGS),
    )
    rated = [song for song in SONGS if song[-1] is not None]
    write_table(
        folder / "annotations" / "static_annotations.csv",
        "musicId,Arousal(mean),Valence(mean)",
        *(f"{i},{arousal},{valence}" for i, _, _, arousal, valence in rated),
    )
    chorus = folder / "chorus"
    rates = dict.fromkeys((1, 5), 22_050)
    for number, *_ in SONGS:
        write_sound(chorus / f"{number}.mp3", 0.4, rates.get(number, 44_100), 2)
    return {str(i): chorus / f"{i}.mp3" for i, *_ in rated}


TREE = OfficialTree(
    PMEmo,
    write,
    table="PMEmo2019/annotations/static_annotations.csv",
    cell=("5,0.9,", "5,1.9,"),
    row="6,0.7,0.3",
    too_low="PMEmo2019/chorus",
)
