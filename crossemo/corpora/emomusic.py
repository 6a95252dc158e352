"""emoMusic: 45 s of 744 songs, rated in valence and arousal."""

from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from types import MappingProxyType

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.base import Part
from crossemo.corpora.mediaeval import SCALE, plain, song_groups
from crossemo.corpora.rows import Row, RowError, read_rows
from crossemo.corpora.tree import Tree

_RATINGS = ("song_id", "mean_arousal", "mean_valence")
_SONGS = ("song_id", "Artist", "Song title", "Genre", "Mediaeval 2013 set")
_PARTS: dict[str, Part] = {"development": "train", "evaluation": "test"}


class EmoMusic(AnnotatedCorpus):
    """emoMusic, 1000 songs for emotional analysis of music.

    Content:

    * 45 s of each of 744 songs (1000 less copies), in eight genres
    * valence and arousal from 1 to 9, of a whole clip

    Format:

    * `clips_45seconds/2.mp3`, also within `clips_45sec`
    * `static_annotations.csv`, arousal first, and `songs_info.csv`, whose cells have
      tabs within their quotes; at the top or in `annotations`

    The official split has 619 songs to develop on and 125 to evaluate on. 65 of these
    125 are by artists of the other part. It is taken as published, as everybody's
    results are on it, and a run counts what it cuts; `strict_groups` of the data keeps
    artists whole and drops their songs from the training side.

    All songs are in DEAM too, under the same numbers: together they are split as one.

    Licence: songs under Creative Commons; for research that is not commercial. To be
    asked for at https://cvml.unige.ch/databases/emoMusic/.

    If you use this corpus, please cite:

    * Soleymani et al. (2013), 1000 Songs for Emotional Analysis of Music, CrowdMM

    Args:
        root: The folder that the archives are unpacked into.
        validation: Whether to validate on the songs of some artists of the development
            part, as jukemir (Castellon, Donahue & Liang, 2021) and MARBLE do: those
            whose name in plain lower-case letters has a SHA-1 that ends in 8 or 9 as a
            decimal number. That leaves 504 songs to train on and 115 for validation; no
            artist is in both. The official split by itself has no validation part.
    """

    name = "emomusic"
    domain = "music"
    scale = SCALE
    citation = """
    @inproceedings{soleymani2013emomusic,
      author = {Soleymani, M. and Caro, M. N. and Schmidt, E. M. and Sha, C.-Y. and
                Yang, Y.-H.},
      title = {1000 Songs for Emotional Analysis of Music},
      booktitle = {Proceedings of the 2nd {ACM} International Workshop on
                   Crowdsourcing for Multimedia},
      pages = {1--6},
      year = {2013},
      doi = {10.1145/2506364.2506365},
    }
    """
    licence = "songs under Creative Commons; for non-commercial research"
    expected = MappingProxyType({"clips": 744})
    window = 10.0
    advice = (
        "give the folder of emoMusic, with static_annotations.csv, songs_info.csv and "
        "clips_45seconds"
    )

    def __init__(self, root: str | Path, validation: bool = True) -> None:
        super().__init__(root)
        self.validation = validation

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the songs in the order of the table of annotations."""
        songs = _songs(tree)
        path = tree.table("static_annotations.csv", columns=_RATINGS)
        for stem, arousal, valence in read_rows(path, _rating, _RATINGS):
            facts, part = songs.get(stem, ({}, None))
            artist = facts.get("artist", "")
            if self.validation and part == "train" and validates(artist):
                part = "val"
            yield Annotation(
                stem,
                song_groups(stem, artist),
                valence=valence,
                arousal=arousal,
                part=part,
                about=tuple(facts.items()),
            )

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the numbered files that are emoMusic's."""
        return tree.audio_in("clips_45seconds", "clips_45sec")


def validates(artist: str) -> bool:
    """Return whether jukemir's rule puts an artist's songs in validation."""
    ascii_only = (c for c in artist.lower() if c.isascii())
    letters = "".join(c for c in ascii_only if c.isalpha() or c.isspace())
    name = " ".join(letters.split())
    return int(sha1(name.encode()).hexdigest(), 16) % 10 >= 8


def _songs(tree: Tree) -> dict[str, tuple[dict[str, str], Part]]:
    path = tree.table("songs_info.csv", columns=_SONGS)
    return dict(read_rows(path, _song, _SONGS, encoding="latin-1"))


def _song(row: Row) -> tuple[str, tuple[dict[str, str], Part]]:
    if (group := plain(row["Mediaeval 2013 set"])) not in _PARTS:
        raise RowError(f'column Mediaeval 2013 set: there is no part "{group}"')
    facts = {
        "title": plain(row.get("Song title")),
        "artist": plain(row.get("Artist")),
        "genre": plain(row.get("Genre")),
    }
    return plain(row["song_id"]), (facts, _PARTS[group])


def _rating(row: Row) -> tuple[str, float, float]:
    return row["song_id"], row.real("mean_arousal"), row.real("mean_valence")
