"""DEAM: music of many genres, rated in valence and arousal."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.mediaeval import SCALE, plain, song_groups
from crossemo.corpora.rows import Row, RowError, read_rows
from crossemo.corpora.tree import Tree
from crossemo.files import printable

logger = logging.getLogger(__name__)

FIRST_BLOCK = 1000  # the last song whose released columns are exchanged

_TABLE = "static_annotations_averaged_songs_{}.csv"
_COLUMNS = ("song_id", "valence_mean", "arousal_mean")
_NOTE = (
    "DEAM: valence and arousal of songs 2 to 1000 are exchanged in the released table "
    "and were exchanged back."
)
_NOTE_AS_RELEASED = (
    "DEAM: valence and arousal of songs 2 to 1000 are as released, which is exchanged."
)


class Song(NamedTuple):
    """What the metadata say of a song."""

    title: str = ""
    artist: str = ""
    genre: str = ""


class DEAM(AnnotatedCorpus):
    """DEAM, the MediaEval Database for Emotional Analysis of Music.

    Content:

    * 1802 songs: 45 s of each of 2 to 2000, and 58 whole ones (2001 to 2058, 50 to
      629 s); those of 2 to 1000 are emoMusic's 744
    * valence and arousal from 1 to 9, of a whole clip

    Format:

    * `MEMD_audio/2.mp3`; two tables of annotations, anywhere below the root:
      `static_annotations_averaged_songs_1_2000.csv` and `…_2000_2058.csv`
    * `metadata_2013.csv`, `…_2014.csv` and `…_2015.csv`: artist, title and genre, the
      columns in another order and under other names each year, rows of any length

    Songs of one artist are never on two sides of a split, in DEAM and emoMusic
    together: there are 948 artists, and 67 of them have songs both up to 1000 and
    above. Eight songs are there twice or more (such as 175 and 536); each has one
    artist. Songs whose artist the metadata don't name are by themselves, which a log
    line counts.

    There is no official split of the static annotations. MediaEval 2015 evaluated on
    2001 to 2058; the 431 songs that it developed on are not published with the corpus.
    Licence: songs under Creative Commons; for research that is not commercial. The four
    archives are at https://cvml.unige.ch/databases/DEAM/.

    If you use this corpus, please cite:

    * Aljanaki, Yang & Soleymani (2017), Developing a Benchmark for Emotional Analysis
      of Music, PLOS ONE

    Args:
        root: The folder that the archives are unpacked into.
        exchange_first_block: Whether to exchange valence and arousal of songs 2 to
            1000, where the released table has them under each other's name: its
            `valence_mean` is emoMusic's `mean_arousal`, and the reverse, for 738 of the
            744 songs that both have (the other six were rated by others); emoMusic's
            own continuous ratings agree with emoMusic's columns (r = .96 and .95; .57
            crosswise), and so does the sound: its loudness correlates .66 with what is
            released as valence of these songs and .29 with arousal, but .39 and .70
            for songs 1001 to 2000. 191 quadrants change, all between Q2 and Q4.
    """

    name = "deam"
    domain = "music"
    scale = SCALE
    citation = """
    @article{aljanaki2017deam,
      author = {Aljanaki, Anna and Yang, Yi-Hsuan and Soleymani, Mohammad},
      title = {Developing a Benchmark for Emotional Analysis of Music},
      journal = {PLOS ONE},
      volume = {12},
      number = {3},
      pages = {e0173392},
      year = {2017},
      doi = {10.1371/journal.pone.0173392},
    }
    """
    licence = "songs under Creative Commons; for non-commercial research"
    expected = MappingProxyType({"clips": 1802})
    window = 10.0
    advice = (
        "give the folder that DEAM_Annotations, DEAM_audio (MEMD_audio) and metadata "
        "of DEAM are unpacked into"
    )

    def __init__(self, root: str | Path, exchange_first_block: bool = True) -> None:
        super().__init__(root)
        self.exchange_first_block = exchange_first_block
        self.note = _NOTE if exchange_first_block else _NOTE_AS_RELEASED

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the songs in the order of their tables."""
        ratings = _ratings(tree)
        logger.warning(self.note)
        songs = _songs(tree)
        unknown = sum(not songs.get(stem, Song()).artist for stem, *_ in ratings)
        if unknown:
            logger.warning(
                "The artists of %d of deam's %d songs are not known, as metadata_2013, "
                "_2014 or _2015.csv under %s don't name them: their songs may be on "
                "both sides of a split.",
                unknown,
                len(ratings),
                printable(self.root),
            )
        for stem, valence, arousal in ratings:
            if self.exchange_first_block and int(stem) <= FIRST_BLOCK:
                valence, arousal = arousal, valence
            song = songs.get(stem, Song())
            yield Annotation(
                stem,
                song_groups(stem, song.artist),
                valence=valence,
                arousal=arousal,
                about=tuple(song._asdict().items()),
            )

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the numbered files that are DEAM's."""
        return tree.audio_in("MEMD_audio", "DEAM_audio")


def _ratings(tree: Tree) -> list[tuple[str, float, float]]:
    """Return song, valence and arousal as released."""
    paths = [tree.table(_TABLE.format("1_2000"))]
    paths += tree.tables(_TABLE.format("2000_2058"))[:1]
    return [rating for path in paths for rating in read_rows(path, _rating, _COLUMNS)]


def _rating(row: Row) -> tuple[str, float, float]:
    if not row["song_id"].isdecimal():
        raise RowError(f'column song_id: "{row["song_id"]}" is no number')
    return row["song_id"], row.real("valence_mean"), row.real("arousal_mean")


def _songs(tree: Tree) -> dict[str, Song]:
    paths = [path for year in (2013, 2014, 2015) for path in _metadata(tree, year)]
    rows = (read_rows(path, _song, encoding="latin-1", ragged=True) for path in paths)
    return {number: song for songs in rows for number, song in songs}


def _metadata(tree: Tree, year: int) -> list[Path]:
    return tree.tables(f"metadata_{year}.csv")[:1]


def _song(row: Row) -> tuple[str, Song]:
    """Return number and facts, by the names that any year has for them."""
    cells = {name.casefold(): plain(cell) for name, cell in row.cells.items()}
    title = cells.get("title") or cells.get("song title") or cells.get("track", "")
    number = cells.get("song_id") or cells.get("id", "")
    return number, Song(title, cells.get("artist", ""), cells.get("genre", ""))
