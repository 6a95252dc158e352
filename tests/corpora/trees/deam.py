"""DEAM: exchanged columns, blanks in headers and folders, an artist in two years."""

from pathlib import Path

from crossemo.corpora.deam import DEAM
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

# id, title, artist, valence and arousal as they were rated: released the other way
# round up to 1000. 3 and 1001 are by one artist, 10 and 1198 one song; 2058 is whole.
SONGS = (
    (2, "Tonight  A Lonely Century", "The New Mystikal Troubadours", 6.3, 5.8),
    (3, "DD Groove", "Kevin MacLeod", 3.2, 6.8),
    (4, "Slow Burn", "My Bubba & Mi", 3.1, 3.0),
    (7, "Hustle", "Vieux Farka Touré", 6.1, 3.9),
    (10, "Stormy Blues", "Arne Bang Huseby", 7.0, 7.5),
    (1000, "Nine", "Marcel Pequel", 4.2, 5.5),
    (1001, "Weatherman", "KEVIN MACLEOD", 2.5, 2.6),
    (1002, "Wolf", "Kidney Brothers (The Numbers Band)", 6.2, 4.4),
    (1009, "SoulRB-Blues", "Big Bill Broonzy", 7.1, 6.9),
    (1198, "Stormy Blues", "Arne Bang Huseby", 4.9, 5.1),
    (2001, "Old Tree", "Creepoid", 3.3, 4.7),
    (2058, "Inside Views", "La Verue", 5.0, 4.2),
)
LEVEL = "DEAM_Annotations/annotations/annotations averaged per song/song_level"
TABLE = f"{LEVEL}/static_annotations_averaged_songs_1_2000.csv"


def write(root: Path) -> dict[str, Path]:
    """Write the four archives' folders into the folder DEAM."""
    folder = root / "DEAM"
    write_table(
        folder / TABLE,
        "song_id, valence_mean, valence_std, arousal_mean, arousal_std",
        *(f"{i},{_released(i, v, a)}" for i, *_, v, a in SONGS if i <= 2000),
    )
    write_table(
        folder / LEVEL / "static_annotations_averaged_songs_2000_2058.csv",
        "song_id, valence_mean, valence_std, valence_ max_mean, valence_max_std, "
        "arousal_mean, arousal_std",
        *(f"{i} , {v} , 1.1, 7.5, 1.2,  {a}, 0.9" for i, *_, v, a in SONGS if i > 2000),
    )
    _write_metadata(folder / "metadata")
    audio = folder / "DEAM_audio" / "MEMD_audio"
    for number, *_ in SONGS:
        rate = {4: 16_000, 7: 48_000}.get(number, 44_100)
        seconds = 1.5 if number > 2000 else 0.4
        write_sound(audio / f"{number}.mp3", seconds, rate, 1 if number == 4 else 2)
    return {str(i): audio / f"{i}.mp3" for i, *_ in SONGS}


def _released(number: int, valence: float, arousal: float) -> str:
    if number <= 1000:
        valence, arousal = arousal, valence
    return f"{valence},1.2,{arousal},0.63"


def _write_metadata(folder: Path) -> None:
    """Write a table of each year, with that year's columns."""
    write_table(
        folder / "metadata_2013.csv",
        "song_id,file_name,Artist,Song title,start,end,Genre",
        *(
            f'{i},"\t{i}.mp3","\t{artist}\t","\t{title}\t",1.3,2.15,"\tBlues\t"'
            for i, title, artist, *_ in SONGS
            if i <= 1000
        ),
        encoding="latin-1",
    )
    write_table(
        folder / "metadata_2014.csv",
        "Id,Artist,Album,Track,Genre" + "," * 9,
        *(
            f"{i},{artist},{'Baby, Please' if i == 1009 else 'Live'},{title},Rock"
            + ",indie" * (i % 7)
            for i, title, artist, *_ in SONGS
            if 1000 < i <= 2000
        ),
    )
    write_table(
        folder / "metadata_2015.csv",
        "id,Filename,title,artist,album,genre,,",
        *(
            f"{i},{i}.mp3,{title},{artist},n/a,Rock"
            for i, title, artist, *_ in SONGS
            if i > 2000
        ),
    )


TREE = OfficialTree(
    DEAM,
    write,
    table=f"DEAM/{TABLE}",
    cell=("1002,6.2,", "1002,9.2,"),
    row="1009,7.1,1.2,6.9,0.63",
    too_low="DEAM/DEAM_audio",
)
