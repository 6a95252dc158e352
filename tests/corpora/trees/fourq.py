"""MER_audio_taffc_dataset: titles in Latin-1, an artist of three songs in two forms."""

from pathlib import Path

from crossemo.corpora.fourq import FourQ
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

# id, artist, title, quadrant
SONGS = (
    ("MT0000000101", "Blue Lamp", "Down, Down in the Mine", "Q3"),
    ("MT0000000202", "Zerfallende Häuser", "Schwüle", "Q2"),
    ("MT0000000303", "Los Verdes", "Aire", "Q1"),
    ("MT0000000404", "LOS VERDES", "Hermana", "Q1"),
    ("MT0000000505", 'The "7" Kings', "Come Home", "Q4"),
    ("MT0000000606", "Los Verdes", "Piel", "Q2"),
    ("MT0000000707", "Slow Choir", "Evensong", "Q3"),
    ("MT0000000808", "Night Bus", "Warm", "Q4"),
    ("MT0000002001", "Dawn", "Up", "Q1"),
    ("MT0000002002", "Dusk", "Go", "Q1"),
    ("MT0000002003", "Acid", "Rage", "Q2"),
    ("MT0000002004", "Iron", "Steel", "Q2"),
    ("MT0000002005", "Low", "Grey", "Q3"),
    ("MT0000002006", "Sofa", "Rest", "Q4"),
)
COLUMNS = (
    "Song,Artist,Title,Quadrant,PQuad,MoodsTotal,Moods,MoodsFoundStr,MoodsStr,"
    "MoodsStrSplit,Genres,GenresStr,Sample,SampleURL"
)


def write(root: Path) -> dict[str, Path]:
    """Write the folder MER_audio_taffc_dataset into the root."""
    folder = root / "MER_audio_taffc_dataset"
    write_table(
        folder / "panda_dataset_taffc_annotations.csv",
        "Song,Quadrant",
        *(f"{song},{quadrant}" for song, _, _, quadrant in SONGS),
    )
    write_table(
        folder / "panda_dataset_taffc_metadata.csv",
        ",".join(f'"{name}"' for name in COLUMNS.split(",")),
        *(_metadata(*song) for song in SONGS),
        encoding="latin-1",
    )
    write_table(folder / "readme.txt", "*) 900 ~30 second clips")
    audio = {song: folder / quadrant / f"{song}.mp3" for song, *_, quadrant in SONGS}
    for number, path in enumerate(audio.values()):
        write_sound(path, 0.4, 22_050 if number == 1 else 44_100, 1 + number % 2)
    return audio


def _metadata(song: str, artist: str, title: str, quadrant: str) -> str:
    cells = [f'"{cell}"' for cell in (song, artist.replace('"', '""'), title, quadrant)]
    moods = '"sad, weary"'
    return ",".join(
        [
            *cells,
            "0.6",
            "3",
            "2",
            moods,
            moods,
            moods,
            "1",
            '"Folk"',
            "1",
            '"http://a.mp3"',
        ]
    )


TREE = OfficialTree(
    FourQ,
    write,
    table="MER_audio_taffc_dataset/panda_dataset_taffc_annotations.csv",
    row="MT0000000404,Q1",
    too_low="MER_audio_taffc_dataset/Q1",
)
