"""emoMusic: arousal first, tabs in the songs' facts, an artist in both parts."""

from pathlib import Path

from crossemo.corpora.emomusic import EmoMusic
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

# id, title, artist, genre, set, arousal, valence; 2 to 1000 are DEAM's. Silver Process
# and Jamie Evans are in both sets; 133 lies on a midline.
SONGS = (
    (2, "A Century", "The New Mystikal Troubadours", "Blues", "development", 5.8, 6.3),
    (3, "DD Groove", "Kevin MacLeod", "Blues", "development", 6.8, 3.2),
    (4, "Slow Burn", "My Bubba & Mi", "Blues", "development", 3.0, 3.1),
    (7, "Hustle", "Vieux Farka Touré", "Blues", "development", 3.9, 6.1),
    (10, "Stormy Blues", "Arne Bang Huseby", "Blues", "evaluation", 7.5, 7.0),
    (133, "Aleph", "Jamie Evans", "Classical", "development", 5.0, 4.0),
    (138, "Encounters", "Silver Process", "Classical", "development", 3.5, 2.0),
    (145, "The Forest", "Evgeny Grinko", "Classical", "development", 3.1, 6.6),
    (159, "Awaken", "Silver Process", "Classical", "evaluation", 3.4, 2.2),
    (174, "War, And Peace", "Jamie Evans", "Classical", "evaluation", 6.4, 3.9),
    (190, "Virtutes", "Dexter Britain", "Classical", "development", 7.1, 7.2),
    (1000, "Nine", "Marcel Pequel", "Pop", "development", 5.5, 4.2),
)


def write(root: Path) -> dict[str, Path]:
    """Write the folder emoMusic into the root."""
    folder = root / "emoMusic"
    write_table(
        folder / "annotations" / "static_annotations.csv",
        "song_id,mean_arousal,std_arousal,mean_valence,std_valence",
        *(f"{i},{a},1.1,{v},0.9" for i, *_, a, v in SONGS),
    )
    write_table(
        folder / "annotations" / "songs_info.csv",
        'song_id,file_name,Artist,"Song title","start of the segment (min.sec)",'
        '"end of the segment (min.sec)",Genre,"Mediaeval 2013 set"',
        *(
            f'{i},"{i}.mp3","{artist}\t","\t{title}\t",1.3,2.15,"\t{genre}\t",{part}'
            for i, title, artist, genre, part, *_ in SONGS
        ),
    )
    audio = folder / "clips_45sec" / "clips_45seconds"
    for number, *_ in SONGS:
        write_sound(audio / f"{number}.mp3", 0.4, 44_100, 2)
    return {str(i): audio / f"{i}.mp3" for i, *_ in SONGS}


TREE = OfficialTree(
    EmoMusic,
    write,
    table="emoMusic/annotations/static_annotations.csv",
    cell=("133,5.0,", "133,9.5,"),
    row="174,6.4,1.1,3.9,0.9",
    too_low="emoMusic/clips_45sec",
)
