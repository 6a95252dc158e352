"""MERGE: excerpts of songs in four quadrants, with values and splits of its authors."""

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from crossemo.corpora.allmusic import song_groups
from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.base import CorpusError, Part, Scale, check_choice
from crossemo.corpora.rows import Row, RowError, read_rows
from crossemo.corpora.tree import Tree
from crossemo.emotions import QUADRANTS
from crossemo.errors import listed

Edition = Literal[
    "audio_complete", "audio_balanced", "bimodal_complete", "bimodal_balanced"
]
TVT = Literal["tvt_70_15_15", "tvt_40_30_30"]
_PARTS: dict[str, Part] = {"train": "train", "validate": "val", "test": "test"}
_NAMES = {
    "audio_complete": "merge",
    "audio_balanced": "merge-balanced",
    "bimodal_complete": "merge-bimodal",
    "bimodal_balanced": "merge-bimodal-balanced",
}
_CLIPS = {
    "audio_complete": 3554,
    "audio_balanced": 3232,
    "bimodal_complete": 2216,
    "bimodal_balanced": 2000,
}


class MERGE(AnnotatedCorpus):
    """MERGE, audio and lyrics for music emotion recognition.

    Content:

    * excerpts of 30 s: 3554, or 3232 of them with 808 in each quadrant of valence and
      arousal; those that also have lyrics are the bimodal 2216, or 2000
    * quadrants, which are the labels, and valence and arousal from 0 to 1. The values
      are not listeners': they are calculated from AllMusic's mood tags by word norms

    Format, here of `MERGE_Audio_Complete`:

    * `Q1` to `Q4`, with `MT0000004637.mp3` (AllMusic's number) or `A061-66.mp3` (from
      the authors' collections)
    * `merge_audio_complete_metadata.csv`: Song, Quadrant, AllMusic Id, Artist, …
    * `merge_audio_complete_av_values.csv`: `Song,Arousal,Valence`
    * `tvt_dataframes/tvt_70_15_15/tvt_70_15_15_validate_audio_complete.csv` and so on:
      `Song,Quadrant`; 2490, 532 and 532 songs, and by 40-30-30 1426, 1064 and 1064

    The authors' parts are taken as they are. They were not made by artist, so artists
    may be in several of them; a run counts how many, and `strict_groups` puts every
    artist on one side. Songs and artists are named as in `FourQ`, whose songs are the
    seed of this corpus: used together, the two are split together.

    Licence: not verified; others quote CC BY-NC 4.0. Six zip files are at
    https://zenodo.org/records/13939205 (version 1.1.0).

    If you use this corpus, please cite:

    * Louro et al. (2024), MERGE, a Bimodal Dataset for Static Music Emotion
      Recognition, arXiv 2407.06060

    Args:
        root: The unpacked folder, such as `MERGE_Audio_Complete`, or one above it.
        edition: Which of the four with audio.
        split: Which of the authors' splits gives the parts; none of them if None.

    Raises:
        CorpusError: There is no such edition or split.
    """

    domain = "music"
    scale = Scale(0, 1, 0.5)
    citation = """
    @misc{louro2024merge,
      author = {Louro, Pedro Lima and Redinho, Hugo and Santos, Ricardo and
                Malheiro, Ricardo and Panda, Renato and Paiva, Rui Pedro},
      title = {{MERGE} -- A Bimodal Dataset for Static Music Emotion Recognition},
      year = {2024},
      eprint = {2407.06060},
      archiveprefix = {arXiv},
    }
    """
    licence = "not verified; quoted as CC BY-NC 4.0"
    window = 10.0
    note = (
        "Valence and arousal of MERGE are calculated from mood tags by word norms, not "
        "rated by listeners."
    )
    variants = tuple({"edition": edition} for edition in _NAMES)
    advice = (
        "give the unpacked folder of this edition, such as MERGE_Audio_Complete, with "
        "its tables, tvt_dataframes and Q1 to Q4"
    )

    def __init__(
        self,
        root: str | Path,
        edition: Edition = "audio_complete",
        split: TVT | None = "tvt_70_15_15",
    ) -> None:
        super().__init__(root)
        check_choice("MERGE", "edition", edition, _CLIPS)
        if split is not None:
            check_choice("MERGE", "split", split, get_args(TVT))
        self.edition, self.split = edition, split
        self.name = _NAMES[edition]
        counts = {"clips": _CLIPS[edition]}
        if edition.endswith("balanced"):
            counts |= dict.fromkeys(QUADRANTS, _CLIPS[edition] // 4)
        self.expected = MappingProxyType(counts)

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the songs in the order of the table of metadata."""
        values = self._values(tree)
        songs = read_rows(self._metadata(tree), _song, ("Quadrant", "Artist"))
        parts = dict(self._parts(tree))
        if parts and parts.keys().isdisjoint(song for song, _ in songs):
            raise CorpusError(
                f"The split {self.split} of {self.name} names none of its songs, but "
                f"{listed(parts, 2)}: use its own tables, or split null for none."
            )
        for song, row in songs:
            track = song if song.startswith("MT") else row.get("AllMusic Id")
            for arousal, valence in values.get(song, [(None, None)]):
                yield Annotation(
                    song,
                    song_groups(f"merge/{song}", track, row.get("Artist")),
                    label=row["Quadrant"],
                    valence=valence,
                    arousal=arousal,
                    part=parts.get(song),
                    about=(("title", row.get("Title")), ("artist", row.get("Artist"))),
                )

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the audio of this edition, as others may lie beside it."""
        return tree.audio_below(self._metadata(tree).parent)

    def _metadata(self, tree: Tree) -> Path:
        return tree.table(f"merge_{self.edition}_metadata.csv")

    def _values(self, tree: Tree) -> dict[str, list[tuple[float | None, ...]]]:
        """Return arousal and valence of each song; several pairs where rows differ."""
        path = tree.table(f"merge_{self.edition}_av_values.csv")
        values: dict[str, list[tuple[float | None, ...]]] = {}
        for song, pair in read_rows(path, _pair, ("Arousal", "Valence")):
            values.setdefault(song, []).append(pair)
        return values

    def _parts(self, tree: Tree) -> Iterator[tuple[str, Part]]:
        for name, part in _PARTS.items():
            if self.split is not None:
                path = tree.table(f"{self.split}_{name}_{self.edition}.csv")
                for song in read_rows(path, _name):
                    yield song, part


def _name(row: Row) -> str:
    if not (song := row.get("Song") or row.get("Audio_Song")):
        raise RowError("column Song: the cell is empty")
    return song


def _song(row: Row) -> tuple[str, Row]:
    row.among("Quadrant", QUADRANTS)
    return _name(row), row


def _pair(row: Row) -> tuple[str, tuple[float, float]]:
    return _name(row), (row.real("Arousal"), row.real("Valence"))
