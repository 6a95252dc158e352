"""4Q audio emotion: previews of songs in four quadrants, 225 in each."""

from collections.abc import Iterator
from types import MappingProxyType

from crossemo.corpora.allmusic import song_groups
from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.rows import Row, read_rows
from crossemo.corpora.tree import Tree
from crossemo.emotions import QUADRANTS


class FourQ(AnnotatedCorpus):
    """4Q audio emotion dataset, also known as Panda's TAFFC dataset.

    Content:

    * 900 previews of about 30 s, 225 in each quadrant of valence and arousal, by 662
      artists
    * quadrants are those of AllMusic's mood tags, by Warriner's word norms, and were
      checked by listeners; there are no values

    Format:

    * `Q1` to `Q4`, with `MT0000004637.mp3` and the like, where the number is AllMusic's
    * `panda_dataset_taffc_annotations.csv`: `Song,Quadrant`
    * `panda_dataset_taffc_metadata.csv`: 14 quoted columns, Artist and Title among
      them, in Latin-1

    There is no official split: the authors used 10 folds at random, 20 times. So their
    folds share artists, and of the 130 artists with several songs 102 are in one
    quadrant only, so that the artist tells the quadrant. Here an artist is on one side
    of a split. Songs and artists are named as in `MERGE`, which holds songs of 4Q: used
    together, the two are split together.

    Licence: none is stated; the audio is AllMusic's. The folder
    `MER_audio_taffc_dataset` is to be had at http://mir.dei.uc.pt/downloads.html.

    If you use this corpus, please cite:

    * Panda, Malheiro & Paiva (2018), Novel Audio Features for Music Emotion
      Recognition, IEEE Transactions on Affective Computing

    Args:
        root: The unpacked folder `MER_audio_taffc_dataset`, or one above it.
    """

    name = "4q"
    domain = "music"
    citation = """
    @article{panda2020fourq,
      author = {Panda, Renato and Malheiro, Ricardo and Paiva, Rui Pedro},
      title = {Novel Audio Features for Music Emotion Recognition},
      journal = {IEEE Transactions on Affective Computing},
      volume = {11},
      number = {4},
      pages = {614--626},
      year = {2020},
      doi = {10.1109/TAFFC.2018.2820691},
    }
    """
    licence = "none stated; previews of AllMusic, for research"
    expected = MappingProxyType({"clips": 900} | dict.fromkeys(QUADRANTS, 225))
    window = 10.0
    advice = (
        "give the unpacked folder MER_audio_taffc_dataset of 4Q, with its tables and "
        "the folders Q1 to Q4"
    )

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the songs in the order of their table."""
        path = tree.table("panda_dataset_taffc_metadata.csv")
        songs = dict(read_rows(path, _song, ("Song", "Artist"), encoding="latin-1"))
        path = tree.table("panda_dataset_taffc_annotations.csv")
        for stem, quadrant in read_rows(path, _quadrant, ("Song", "Quadrant")):
            artist, title = songs.get(stem, ("", ""))
            yield Annotation(
                stem,
                song_groups(f"4q/{stem}", stem, artist),
                label=quadrant,
                about=(("title", title), ("artist", artist)),
            )


def _song(row: Row) -> tuple[str, tuple[str, str]]:
    return row["Song"], (row.get("Artist"), row.get("Title"))


def _quadrant(row: Row) -> tuple[str, str]:
    return row["Song"], row.among("Quadrant", QUADRANTS)
