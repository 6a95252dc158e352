"""MTG-Jamendo's mood and theme tags, and three weak classes made of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.base import Part, check_choice
from crossemo.corpora.rows import Row, read_rows
from crossemo.corpora.tree import Tree, by_stem
from crossemo.files import expanded

_PARTS: dict[str, Part] = {"train": "train", "validation": "val", "test": "test"}
_FOLDERS = frozenset(f"{digits:02}" for digits in range(100))
_COLUMNS = ("TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "TAGS")
_WORDS = {
    "happy": "happy",
    "sad": "sad",
    "melancholic": "sad",
    "calm": "calm",
    "relaxing": "calm",
}


class _Moods(Mapping[str, str]):
    """The one emotion that the tags of a label, such as `happy;film`, agree on."""

    def __getitem__(self, label: str) -> str:
        words = {_WORDS[tag] for tag in label.split(";") if tag in _WORDS}
        if len(words) != 1:
            raise KeyError(label)
        return words.pop()

    def __iter__(self) -> Iterator[str]:
        return iter(_WORDS)

    def __len__(self) -> int:
        return len(_WORDS)


class Jamendo(AnnotatedCorpus):
    """MTG-Jamendo, the mood and theme tags of its full tracks.

    Content:

    * 17 982 tracks of 30 to 3931 s, 219 s on average and 1095 h in all, by 1508 artists
    * one to eight of 56 tags, given by whoever uploaded the track; the label is all of
      them as published, such as `happy;film`

    Format:

    * `data/splits/split-0/autotagging_moodtheme-train.tsv`, `-validation`, `-test`, and
      so on to split-4: `TRACK_ID ARTIST_ID ALBUM_ID PATH DURATION TAGS`, where each tag
      but the first has a column without a name; lines end in CRLF
    * audio in full quality, `48/948.mp3`, or low, `48/948.low.mp3`; where a track is
      there in both, the full one is used

    **The classes are weak.** Several tags a track are no task of crossemo; what it
    makes of them is happy (happy), sad (sad or melancholic) and calm (calm or
    relaxing). The 4158 tracks whose tags name exactly one of these have a class: happy
    1575, sad 1016, calm 1567. Tracks that name two are left out (happy and sad 16,
    happy and calm 66, sad and calm 71). No tag means anger or fear.

    The authors' parts share no artist: 9949, 3802 and 4231 tracks in split 0, which is
    the customary one. Of the 18 486 tagged tracks 504 are in none of the splits; their
    audio, as all that is named by a number, is passed over.

    Licence: each track has its own Creative Commons licence (`audio_licenses.txt`);
    metadata are CC BY-NC-SA 4.0. Clone https://github.com/MTG/mtg-jamendo-dataset; its
    `scripts/download/download.py --dataset autotagging_moodtheme --type audio-low` gets
    46 GB of audio in low quality, `--type audio` 152 GB in full.

    If you use this corpus, please cite:

    * Bogdanov et al. (2019), The MTG-Jamendo Dataset for Automatic Music Tagging, ICML
      Machine Learning for Music Discovery Workshop

    Args:
        root: The clone of the repository, or a folder above it.
        split: Which of the five splits gives the parts, 0 to 4.
        audio: The folder with the audio, if it doesn't lie below the root.

    Raises:
        CorpusError: There is no such split.
    """

    name = "jamendo"
    domain = "music"
    words = _Moods()
    citation = """
    @inproceedings{bogdanov2019jamendo,
      author = {Bogdanov, Dmitry and Won, Minz and Tovstogan, Philip and
                Porter, Alastair and Serra, Xavier},
      title = {The {MTG-Jamendo} Dataset for Automatic Music Tagging},
      booktitle = {Machine Learning for Music Discovery Workshop, International
                   Conference on Machine Learning},
      year = {2019},
      url = {http://hdl.handle.net/10230/42015},
    }
    """
    licence = "Creative Commons, track by track; metadata CC BY-NC-SA 4.0"
    expected = MappingProxyType({"clips": 17_982})
    window = 10.0
    note = "Classes of MTG-Jamendo are weak: they are made of its uploaders' tags."
    advice = (
        "give the clone of mtg-jamendo-dataset, and as audio the folder that holds 00 "
        "to 99"
    )

    def __init__(
        self, root: str | Path, split: int = 0, audio: str | Path | None = None
    ) -> None:
        super().__init__(root)
        check_choice("MTG-Jamendo", "split", str(split), "01234")
        self.split = split
        if audio is not None:
            self.audio_root = expanded(audio)

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the tracks, part by part in the order of its table."""
        for name, part in _PARTS.items():
            path = tree.table(f"split-{self.split}/autotagging_moodtheme-{name}.tsv")
            for stem, row in read_rows(path, _track, _COLUMNS, ragged=True):
                tags = row["TAGS"].replace("mood/theme---", "").replace("\t", ";")
                yield Annotation(
                    stem,
                    (
                        f"jamendo/{stem}",
                        f"jamendo/{row['ARTIST_ID']}",
                        f"jamendo/{row['ALBUM_ID']}",
                    ),
                    label=tags,
                    part=part,
                )

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the tracks by number, in full quality where it is there.

        Tracks lie in folders 00 to 99; what is numbered elsewhere is another corpus's.
        """
        audio = by_stem(p for p in tree.sounds if p.parent.name in _FOLDERS)
        low = {stem.removesuffix(".low"): path for stem, path in audio.items()}
        return low | {s: p for s, p in audio.items() if not s.endswith(".low")}

    def is_passed_over(self, stem: str) -> bool:
        """Return whether audio is that of some track of Jamendo's."""
        return stem.isdecimal()


def _track(row: Row) -> tuple[str, Row]:
    for column in _COLUMNS:
        row[column]
    return PurePosixPath(row["PATH"]).stem, row
