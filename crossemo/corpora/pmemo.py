"""PMEmo: the choruses of popular songs, rated in valence and arousal."""

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.base import Scale
from crossemo.corpora.rows import Row, read_rows
from crossemo.corpora.tree import Tree


class PMEmo(AnnotatedCorpus):
    """PMEmo, a dataset of popular music for emotion recognition.

    Content:

    * the choruses of 794 songs from international charts; 767 of them, 16 to 88 s and
      8.3 h, are rated
    * valence and arousal from 0 to 1; most songs are high in both (505 of 767)

    Format:

    * `chorus/1.mp3`, where the number is the song's `musicId`
    * `annotations/static_annotations.csv`: `musicId,Arousal(mean),Valence(mean)`,
      arousal first; `metadata.csv` has title and artist

    The 27 choruses of 11 to 15 s are not rated, as ratings begin at 15 s, and are left
    out. Eleven songs are there twice, with the same or almost the same chorus: as
    songs of one artist are never on two sides of a split, neither are these.

    There is no official split. Licence: none is stated; for research. The repository
    https://github.com/HuiZhangDB/PMEmo leads to `PMEmo2019.zip`.

    If you use this corpus, please cite:

    * Zhang et al. (2018), The PMEmo Dataset for Music Emotion Recognition, ICMR

    Args:
        root: The unpacked folder `PMEmo2019`, or one above it.
    """

    name = "pmemo"
    domain = "music"
    scale = Scale(0, 1, 0.5)
    citation = """
    @inproceedings{zhang2018pmemo,
      author = {Zhang, Kejun and Zhang, Hui and Li, Simeng and Yang, Changyuan and
                Sun, Lingyun},
      title = {The {PMEmo} Dataset for Music Emotion Recognition},
      booktitle = {Proceedings of the 2018 {ACM} on International Conference on
                   Multimedia Retrieval},
      pages = {135--142},
      year = {2018},
      doi = {10.1145/3206025.3206037},
    }
    """
    licence = "none stated; for research"
    expected = MappingProxyType({"clips": 767})
    window = 10.0
    advice = "give the unpacked folder PMEmo2019, with annotations and chorus"

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the rated songs in the order of their table."""
        songs = _songs(tree)
        for stem, arousal, valence in _ratings(tree):
            title, artist = songs.get(stem, ("", ""))
            yield Annotation(
                stem,
                (f"pmemo/{stem}", *_artists(artist)),
                valence=valence,
                arousal=arousal,
                about=(("title", title), ("artist", artist)),
            )

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the choruses, less those that are published without ratings."""
        unrated = _songs(tree).keys() - {stem for stem, *_ in _ratings(tree)}
        audio = tree.audio_in("chorus")
        return {stem: path for stem, path in audio.items() if stem not in unrated}


def _artists(name: str) -> tuple[str, ...]:
    return (f"pmemo/artist/{name.casefold()}",) if name else ()


def _songs(tree: Tree) -> dict[str, tuple[str, str]]:
    columns = ("musicId", "title", "artist")
    path = tree.table("metadata.csv", columns=columns)
    return dict(read_rows(path, _song, columns))


def _song(row: Row) -> tuple[str, tuple[str, str]]:
    return row["musicId"], (row.get("title"), row.get("artist"))


def _ratings(tree: Tree) -> list[tuple[str, float, float]]:
    columns = ("musicId", "Arousal(mean)", "Valence(mean)")
    path = tree.table("static_annotations.csv", columns=columns)
    return read_rows(path, _rating, columns)


def _rating(row: Row) -> tuple[str, float, float]:
    return row["musicId"], row.real("Arousal(mean)"), row.real("Valence(mean)")
