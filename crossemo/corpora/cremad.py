"""CREMA-D: 91 actors speak twelve sentences in six emotions; crowds voted."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.base import check_choice
from crossemo.corpora.rows import Row, RowError, read_rows
from crossemo.corpora.tree import Tree
from crossemo.errors import shortened

Labels = Literal["acted", "voice", "audiovisual"]
Defective = Literal["drop", "keep"]

_EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
_VOTES = {"voice": "VoiceVote", "audiovisual": "MultiModalVote"}
_NAME = re.compile(
    r"(?P<actor>10\d\d)_(?P<sentence>[A-Z]{3})"
    r"_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)_(?P<level>LO|MD|HI|XX?)"
)
_DEFECTIVE = frozenset(
    (
        *("1006_TIE_HAP_XX", "1006_TIE_NEU_XX"),
        *("1013_WSI_DIS_XX", "1013_WSI_SAD_XX"),
        *("1017_IWW_ANG_XX", "1017_IWW_FEA_XX"),
        "1076_MTI_SAD_XX",
    )
)
_FIRST_ACTORS = (1001, 1020, 1038, 1056, 1074, 1092)  # of the folds, and none


class CREMAD(AnnotatedCorpus):
    """CREMA-D, crowd-sourced emotional multimodal actors dataset, the audio.

    Content:

    * 91 actors, 48 men and 43 women of 20 to 74 years, American English; twelve
      sentences, one of them in three intensities: 7442 clips of 1.3 to 5.0 s, 5.26 h
    * the emotion that was acted: anger, disgust, fear, happiness and sadness 1271
      each, neutral 1087
    * the emotion that most raters heard in the voice alone (N 3897, A 986, F 645,
      D 547, S 370, H 353, and 644 ties such as `A:D`), and that from voice and face
      (N 1972, H 1219, D 1139, F 1084, A 1019, S 589, ties 420)

    Format:

    * `AudioWAV/1001_IEO_ANG_HI.wav`, 16-bit, 16 kHz, mono: actor, sentence, emotion,
      intensity; `AudioMP3` holds the same clips, some of them broken, and isn't read
    * `processedResults/summaryTable.csv` with the votes, `VideoDemographics.csv` with
      the actors

    **Two labels.** Acted and heard emotion agree for 3099 clips by the voice, 41.6 %,
    and for 5374 by voice and face. Results on one can't be compared with those on the
    other. Most papers use the acted emotion.

    **Seven files are wrong**: 1006_TIE_HAP_XX and 1006_TIE_NEU_XX are the same, byte
    for byte, as are 1013_WSI_DIS_XX and 1013_WSI_SAD_XX, and 1017_IWW_ANG_XX and
    1017_IWW_FEA_XX, so that nobody knows whose label is right; nobody speaks in
    1076_MTI_SAD_XX.

    There is no official split. The folds are five blocks of actors in order, as those
    of peft-ser (Feng and Narayanan, 2023). EmoBox's folds have all speakers on both
    sides.

    A zip file from GitHub holds pointers of git-lfs instead of audio; clone with
    git-lfs. Licence: ODbL 1.0, contents DbCL 1.0; its authors ask users to fill in a
    form. https://github.com/CheyneyComputerScience/CREMA-D

    If you use this corpus, please cite:

    * Cao et al. (2014), CREMA-D: crowd-sourced emotional multimodal actors dataset,
      IEEE Transactions on Affective Computing 5(4)

    Args:
        root: The folder `CREMA-D`, or one above it.
        labels: `acted`, the emotion in the name; `voice`, what most raters heard;
            `audiovisual`, what most heard and saw. Ties are left out of tasks.
        defective: What becomes of the seven wrong files, `drop` or `keep`; of those
            that are kept, a run still leaves out copies whose labels differ.

    Raises:
        CorpusError: There are no such labels, or defective files are neither dropped
            nor kept.
    """

    name = "crema-d"
    domain = "speech"
    words = MappingProxyType(_EMOTIONS | {k[0]: word for k, word in _EMOTIONS.items()})
    citation = """
    @article{cao2014cremad,
      author = {Cao, Houwei and Cooper, David G. and Keutmann, Michael K. and
                Gur, Ruben C. and Nenkova, Ani and Verma, Ragini},
      title = {{CREMA-D}: Crowd-Sourced Emotional Multimodal Actors Dataset},
      journal = {IEEE Transactions on Affective Computing},
      volume = {5},
      number = {4},
      pages = {377--390},
      year = {2014},
      doi = {10.1109/TAFFC.2014.2336244},
    }
    """
    licence = "ODbL 1.0, contents DbCL 1.0"
    folds = tuple(
        frozenset(f"crema-d/{actor}" for actor in range(first, end))
        for first, end in pairwise(_FIRST_ACTORS)
    )
    advice = (
        "give the folder CREMA-D, with AudioWAV, and where votes are wanted "
        "processedResults"
    )
    passed_over = ("__MACOSX", "AudioMP3", "VideoFlash")

    def __init__(
        self,
        root: str | Path,
        labels: Labels = "acted",
        defective: Defective = "drop",
    ) -> None:
        check_choice("CREMA-D", "labels", labels, ("acted", *_VOTES))
        check_choice("CREMA-D", "way with defective files", defective, ("drop", "keep"))
        super().__init__(root)
        self.labels = labels
        self.dropped = _DEFECTIVE if defective == "drop" else frozenset[str]()
        self.expected = self._expected()

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the clips in order of name, those with votes in that of their table."""
        actors = _actors(tree)
        for stem, label in self._labels(tree):
            if (name := _NAME.fullmatch(stem)) and stem not in self.dropped:
                yield Annotation(
                    stem,
                    (f"crema-d/{name['actor']}",),
                    label or name["emotion"],
                    about=(
                        *actors.get(name["actor"], ()),
                        ("sentence", name["sentence"]),
                        ("intensity", name["level"]),
                    ),
                )

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the clips that are not dropped."""
        return {
            stem: path for stem, path in tree.audio.items() if stem not in self.dropped
        }

    def _labels(self, tree: Tree) -> list[tuple[str, str]]:
        """Return the clips that may be used and their votes, empty where acted."""
        if self.labels == "acted":
            return [(stem, "") for stem in sorted(tree.audio)]
        column = _VOTES[self.labels]
        return read_rows(
            tree.table("summaryTable.csv"),
            lambda row: (_stem(row), row[column]),
            ("FileName", column),
        )

    def _expected(self) -> Mapping[str, int]:
        if self.labels != "acted":
            return MappingProxyType({"clips": 7442 - len(self.dropped)})
        numbers = dict.fromkeys(_EMOTIONS, 1271) | {"NEU": 1087}
        for stem in self.dropped:
            numbers[stem[9:12]] -= 1
        return MappingProxyType({"clips": sum(numbers.values())} | numbers)


def _stem(row: Row) -> str:
    if not _NAME.fullmatch(stem := row["FileName"]):
        raise RowError(f'column FileName: "{shortened(stem)}" is no name of a clip')
    return stem


def _actors(tree: Tree) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return what is known of the actors, if their table is there."""
    tables = tree.tables("VideoDemographics.csv")
    return dict(read_rows(tables[0], _actor, ("ActorID",))) if tables else {}


def _actor(row: Row) -> tuple[str, tuple[tuple[str, str], ...]]:
    facts = {name.lower(): row.get(name) for name in ("Sex", "Age", "Race")}
    facts |= {"sex": facts["sex"].lower(), "ethnicity": row.get("Ethnicity")}
    return row["ActorID"], tuple((name, fact) for name, fact in facts.items() if fact)
