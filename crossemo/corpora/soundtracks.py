"""Soundtracks: excerpts of film music, chosen for and rated in emotions."""

import logging
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.base import Scale, check_choice
from crossemo.corpora.rows import Row, read_rows
from crossemo.corpora.tree import Tree, by_stem
from crossemo.files import printable

logger = logging.getLogger(__name__)

Clip017 = Literal["keep", "tie", "drop"]
_FOLDERS = {1: ("set1", "soundtrack360"), 2: ("set2", "soundtrack110")}
_SCALES = {1: Scale(1, 7, 4), 2: Scale(1, 9, 5)}
_RATINGS = ("Tension", "Anger", "Fear", "Happy", "Sad", "Tender")
_WORDS = {
    "ANGER": "angry",
    "FEAR": "fearful",
    "HAPPY": "happy",
    "SAD": "sad",
    "TENDER": "calm",
}
_DIMENSIONS = ("VALENCE", "ENERGY", "TENSION")
_DEGREES = ("HIGH", "MODERATE")
_TARGETS = {
    1: [*_WORDS, "SURPRISE", *map(" ".join, product(("HIGH", "LOW"), _DIMENSIONS))],
    2: [
        *map("_".join, product(_WORDS, _DEGREES)),
        *map(" ".join, product(_DIMENSIONS, ("POS", "NEG"), _DEGREES)),
    ],
}
_EXPECTED = {
    1: {"clips": 360} | dict.fromkeys(_TARGETS[1], 30),
    2: {"clips": 110} | dict.fromkeys(_TARGETS[2], 5),
}
_ALBUMS = {  # as some rows spell them, and as the others do
    "crouching tiger": "crouching tiger hidden dragon",
    "crouching tiger jne.": "crouching tiger hidden dragon",
    "grizzle man": "grizzly man",
    "pride & prejudice": "pride and prejudice",
    "pride prejudice": "pride and prejudice",
    "the godfarher": "the godfather",
    "the portait of a lady": "the portrait of a lady",
}


class Soundtracks(AnnotatedCorpus):
    """Music and emotion stimulus sets of film soundtracks, set 1 or set 2.

    Content:

    * set 1: 360 excerpts of about 15 s, rated by 5 or 6 experts; 30 for each of 12
      targets: HAPPY, SAD, TENDER, FEAR, ANGER, SURPRISE, and HIGH and LOW of VALENCE,
      ENERGY and TENSION
    * set 2: 110 of these excerpts, rated by 116 listeners; 5 for each of 22 targets,
      such as ANGER_MODERATE and VALENCE POS HIGH
    * the label is the target; mean ratings are valence, energy (here arousal), tension
      and the discrete emotions

    Format:

    * `Set1/Set1/001.mp3` or `mp3/Soundtrack360_mp3/001.mp3`; set 2 has the same names
      in `Set2` or `Soundtrack110_mp3`, so that a folder must say which set it holds
      where both are there
    * `mean_ratings_set1.csv`, with a byte order mark; `Number` or `number`
    * `set1_tracklist.csv` names the albums of set 1; set 2's ratings name their own

    Classes are those of the targets that are emotions (150 excerpts of set 1, 50 of set
    2), where TENDER is calm. SURPRISE has none, as nobody rated it. The readme says 1
    to 9, but valence, energy and tension of set 1 never exceed 7: they are read as 1 to
    7 about 4, those of set 2 as 1 to 9 about 5.

    Set 2 is a part of set 1. Its `link` names the excerpt in set 1, whose group both
    have; and excerpts of an album are on one side of a split, 45 albums in both sets,
    whose spellings are united. Seven excerpts are twice in set 2, for two targets
    (010 and 095, 019 and 067, 022 and 075, 024 and 072, 032 and 086, 034 and 082, 049
    and 101); 084 and 088 are of one track.

    Licence: for academic research; others quote CC BY 4.0. `Set1.zip`, `Set2.zip`,
    ratings and track lists are at https://osf.io/p6vkg.

    If you use this corpus, please cite:

    * Eerola & Vuoskoski (2011), A comparison of the discrete and dimensional models of
      emotion in music, Psychology of Music

    Args:
        root: The folder with ratings and audio, or one above it.
        set: Which set, 1 or 2.
        clip_017: What becomes of 017 of set 2. Its ratings say that it is the excerpt
            of 018, The Fifth Element, but were up to 2.67 points off (the other
            excerpts that are there twice, 0.31 to 0.99); the track list says that it is
            that of 009, The Untouchables, and is up to 3.73 off. `keep` has it as a
            recording of its own from The Fifth Element, which the authors' readme
            names; `tie` ties it to The Untouchables too; `drop` leaves it out.

    Raises:
        CorpusError: There is no such set or choice.
    """

    domain = "music"
    words = MappingProxyType(
        {
            f"{target}{degree}": word
            for target, word in _WORDS.items()
            for degree in ("", "_HIGH", "_MODERATE")
        }
    )
    citation = """
    @article{eerola2011soundtracks,
      author = {Eerola, Tuomas and Vuoskoski, Jonna K.},
      title = {A Comparison of the Discrete and Dimensional Models of Emotion in Music},
      journal = {Psychology of Music},
      volume = {39},
      number = {1},
      pages = {18--49},
      year = {2011},
      doi = {10.1177/0305735610362821},
    }
    """
    licence = "for academic research; quoted as CC BY 4.0"
    advice = (
        "give the folder of the Soundtracks that holds mean_ratings_set1.csv or "
        "mean_ratings_set2.csv, and the audio in folders Set1 and Set2"
    )
    variants = ({"set": 1}, {"set": 2})
    passed_over = ("__MACOSX", "1-min", "1min")

    def __init__(
        self, root: str | Path, set: Literal[1, 2] = 1, clip_017: Clip017 = "keep"
    ) -> None:
        super().__init__(root)
        check_choice("Soundtracks", "set", str(set), "12")
        check_choice("Soundtracks", "clip_017", clip_017, ("keep", "tie", "drop"))
        self.set, self.clip_017 = set, clip_017
        self.name = f"soundtracks-{set}"
        self.scale = _SCALES[set]
        self.expected = MappingProxyType(_EXPECTED[set])
        if set == 2 and clip_017 == "drop":
            self.expected = MappingProxyType(
                _EXPECTED[2] | {"clips": 109, "FEAR_MODERATE": 4}
            )

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the excerpts in the order of their ratings."""
        columns = ["Number", "Valence", "Energy", *_RATINGS, "TARGET"]
        columns += ["soundtrack", "link"] if self.set == 2 else []
        path = tree.table(f"mean_ratings_set{self.set}.csv")
        ratings = read_rows(path, _rating, columns)
        albums = self._albums(tree) if self.set == 1 else {}
        for stem, valence, arousal, row in ratings:
            if self.is_passed_over(stem):
                continue
            album = albums.get(stem, "") or row.get("soundtrack")
            yield Annotation(
                stem,
                self._groups(stem, row.get("link"), album),
                label=row["TARGET"],
                valence=valence,
                arousal=arousal,
                about=(
                    ("album", album),
                    *((name.lower(), row[name]) for name in _RATINGS),
                ),
            )

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the excerpts of this set, as those of the other have the same names.

        Audio in folders that name neither set is only taken where nothing of the other
        set is there.
        """
        sets = {path: _set_of(path, tree.root) for path in tree.sounds}
        other = tree.tables(f"mean_ratings_set{3 - self.set}.csv")
        unnamed = not other and not any(sets.values())
        return by_stem(p for p, one in sets.items() if unnamed or one == self.set)

    def is_passed_over(self, stem: str) -> bool:
        """Return whether an excerpt is left out by choice."""
        return (self.set, stem, self.clip_017) == (2, "017", "drop")

    def _groups(self, stem: str, link: str, album: str) -> tuple[str, ...]:
        albums = [album] if album else []
        recording = (link or stem).zfill(3)
        if self.set == 2 and stem == "017":
            recording = "2/017"
            albums += ["The Untouchables"] if self.clip_017 == "tie" else []
        names = (" ".join(one.casefold().split()) for one in albums)
        groups = (f"soundtracks/album/{_ALBUMS.get(name, name)}" for name in names)
        return (f"soundtracks/{recording}", *groups)

    def _albums(self, tree: Tree) -> dict[str, str]:
        """Return the albums of set 1; none where the track list is not there."""
        if not (paths := tree.tables("set1_tracklist.csv")):
            logger.warning(
                "No set1_tracklist.csv lies under %s, so excerpts of one album may be "
                "on both sides of a split: get it where the ratings are from.",
                printable(tree.root),
            )
            return {}
        return dict(read_rows(paths[0], _album, ("Nro", "Album name")))


def _rating(row: Row) -> tuple[str, float, float, Row]:
    for name in ("TARGET", *_RATINGS):
        row[name]
    return row["Number"].zfill(3), row.real("Valence"), row.real("Energy"), row


def _album(row: Row) -> tuple[str, str]:
    return row["Nro"].zfill(3), row["Album name"]


def _set_of(path: Path, root: Path) -> int | None:
    """Return the set that a folder on the way to a file names; None if none does."""
    for folder in path.relative_to(root).parts[-2::-1]:
        name = folder.casefold().replace(" ", "").replace("_", "").replace("-", "")
        for number, beginnings in _FOLDERS.items():
            if name.startswith(beginnings):
                return number
    return None
