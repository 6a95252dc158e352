"""EMO-DB: ten actors speak ten German sentences in seven emotions."""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Literal

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.base import CorpusError, check_choice
from crossemo.corpora.rows import Row, RowError, read_rows
from crossemo.corpora.tree import Tree
from crossemo.errors import shortened

Release = Literal["classic", "2.0"]
About = tuple[tuple[str, str], ...]

logger = logging.getLogger(__name__)

_EXPECTED: dict[str, dict[str, int]] = {
    "classic": {
        **{"clips": 535, "W": 127, "L": 81, "E": 46, "A": 69, "F": 71, "T": 62},
        **{"N": 79},
    },
    "2.0": {
        **{"clips": 816, "W": 137, "L": 112, "E": 105, "A": 122, "F": 115, "T": 121},
        **{"N": 104},
    },
}
_SPEAKERS = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
_WOMEN = ("08", "09", "13", "14", "16")
# Speaker, sentence, emotion and take.
_NAME = re.compile(rf"({'|'.join(_SPEAKERS)})(a0[12457]|b0[1239]|b10)[WLEAFTN][a-z]")
# The classic 535: speaker, sentence, and the emotions and takes of it.
_CLASSIC = """
03 a01FaNcWa a02FcNcTaWbWc a04AdFdLcNcTaWc a05AaFcNdTcWaWb a07FaFbLaNcWc
03 b01FaLbNbTdWaWc b02AaLaNaTbWb b03NbTcWc b09LaNcTcWa b10AbEcNaNcWbWc
08 a01AbFdLcNaWaWc a02AbAcFeLaNaTbWc a04FfLaNcTbWc a05FeLcNbTaWa a07FdLaNaTaTbWc
08 b01AaFdFeLbNaWa b02FfLaNbTcWd b03FeLcNbTcWd b09AbFdLcNbTbWaWc b10AaFdLaNcTcWa
09 a01EaFaNbWb a02EaEbLaWb a04FdLaNbWa a05EdLcNbTbWbWc a07EbNaTaWbWd b01EaNaWb
09 b02NaTbWcWd b03EdFaFdLbNbTaWb b09EaNdWa b10AaNdWa
10 a01AcNbWa a02AbFaLbNaWa a04FdNbWaWb a05AaLdTbWb a07AaAdLaTaWb b01AaEaFaLb
10 b02AaLaNaWb b03LaTbWb b09AdLbWb b10FcLcWa
11 a01AaAbLdNdWc a02EcFbLdNcTcWc a04AcFdNdWc a05AdFbFcLcNaTdWd a07AcLdTaWc
11 b01AbEbFcLbNcWd b02AbFdNaTdWb b03FcLcNbTdWaWb b09AdFdLdNaTdWa b10AdAeLdNcTdWa
12 a01FbLbNbWc a02AcEcNbWaWc a04Wc a05AbLbNdTaWb a07AcLaWa b01TaWa b02AdEaFbNaWaWbWd
12 b03LaTa b09AcTdWc b10AcLdWa
13 a01AcEaEcFdLbNbWb a02AdEcFaLcNcTaWa a04AcFcLbTaWc a05AaEaLcNbTcWaWc a07FdLbNaTcWb
13 b01AbEcFcLdNcWa b02FbLcNbWa b03AcEdFdLbNaTdWc b09AbEcFbFcLaNaWa b10EcFaLaNcWaWc
14 a01AaAcEaNaWaWc a02AbEaFdLaNcTbWaWc a04AaEdLbTbTcWbWc a05AaAcFaFbLbNaTaTcWaWb
14 a07AaEbFdLcLdNaTcWc b01AcEbFaFcNaWc b02AaFbNaTcWbWd b03AdEdLbTaWb b09AcEaFcLbTdWaWc
14 b10AdEbLbNbTcWc
15 a01EaFbLaNbWa a02AcEaLaNaTaWbWd a04AbAcFdNcWaWb a05EbFbLbNaWa a07AcEbFaFbLdNc
15 b01EcLbNaWc b02AaLbNdTcWaWc b03AaLcNbTcWaWb b09AcFaLaNbTaWb b10AcLcNbNcWa
16 a01EcFcLbNcTbWb a02EaEcLbNbTcWb a04AbEaFaLaLcNcTcWbWc a05AbEaFcLaTbWbWc
16 a07EaFaFbLaLbNbTdWa b01AaEbFaLaLcTbWaWb b02AaEbFdLbWb b03AdEaFaFdLaNbTaWb
16 b09AbEbFbLaLbWb b10AaEbFbLbTbTdWaWb
"""


class EMODB(AnnotatedCorpus):
    """EMO-DB, the Berlin database of emotional speech.

    Content:

    * ten actors, five women and five men, ten German sentences in seven emotions
    * classic: 535 clips of 1.2 to 9.0 s, 24.8 min, all of which 80 % of the listeners
      and more recognised: anger (W) 127, boredom (L) 81, disgust (E) 46, fear (A) 69,
      happiness (F) 71, sadness (T) 62, neutral (N) 79
    * 2.0: 281 more that are less clear, 816 in all

    Format:

    * `wav/03a01Fa.wav`, 16-bit, 16 kHz, mono: speaker, sentence, emotion, take
    * classic: `erkennung.txt`, a table in Latin-1 of how many listeners (in percent)
      recognised the emotion and found it natural
    * 2.0, of audformat: the same in `db.emotion.csv` (as shares); `laryngo` holds a
      laryngogram of the same name for each clip, which is no audio of the corpus

    **Two sizes** circulate under one name, and some papers don't say which they used.
    The classic 535 are known here by their names, so that they are the same clips in
    either folder.

    There is no official split. The folds are the customary ones, each of one speaker.
    audEERING's copy has tables of a split by speakers (test 12, 14, 15 and 16), which
    isn't its authors'; EmoBox's folds have all speakers on both sides.

    Licence: audEERING's copy says CC0, others CC BY 4.0. http://emodb.bilderbar.info
    (classic); `audb.load_to(folder, "emodb", version="2.0.0")`

    If you use this corpus, please cite:

    * Burkhardt et al. (2005), A database of German emotional speech, Interspeech

    Args:
        root: The unpacked folder, or one above it.
        release: `classic`, the 535 clips that most papers use, wherever they lie; or
            `2.0`, all that `db.emotion.csv` names.

    Raises:
        CorpusError: There is no such release.
    """

    name = "emo-db"
    domain = "speech"
    words = MappingProxyType(
        {
            **{"W": "angry", "E": "disgust", "A": "fearful", "F": "happy"},
            **{"T": "sad", "N": "neutral"},
        }
    )
    citation = """
    @inproceedings{burkhardt2005emodb,
      author = {Burkhardt, Felix and Paeschke, Astrid and Rolfes, Miriam and
                Sendlmeier, Walter F. and Weiss, Benjamin},
      title = {A Database of {German} Emotional Speech},
      booktitle = {Interspeech},
      pages = {1517--1520},
      year = {2005},
      doi = {10.21437/Interspeech.2005-446},
    }
    """
    licence = "CC0 or CC BY 4.0, by copy"
    folds = tuple(frozenset({f"emo-db/{speaker}"}) for speaker in _SPEAKERS)
    advice = "give the unpacked folder of EMO-DB, with wav"
    passed_over = ("__MACOSX", "laryngo")

    def __init__(self, root: str | Path, release: Release = "classic") -> None:
        check_choice("EMO-DB", "release", release, _EXPECTED)
        super().__init__(root)
        self.release = release
        self.expected = MappingProxyType(_EXPECTED[release])
        self._judged: Mapping[str, About] = {}

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the clips in order of name."""
        judged = self._judged = self._judgements(tree)
        stems = judged if self.release == "2.0" else CLASSIC.intersection(tree.audio)
        for stem in sorted(stems):
            speaker, sentence, emotion = stem[:2], stem[2:5], stem[5]
            sex = "female" if speaker in _WOMEN else "male"
            yield Annotation(
                stem,
                (f"emo-db/{speaker}",),
                emotion,
                about=(("sex", sex), ("sentence", sentence), *judged.get(stem, ())),
            )

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the clips, less those that a table names and the release hasn't."""
        judged = self._judged.keys()
        left_out = judged - CLASSIC if self.release == "classic" else set[str]()
        return {stem: path for stem, path in tree.audio.items() if stem not in left_out}

    def _judgements(self, tree: Tree) -> Mapping[str, About]:
        """Return what listeners said, if a table has it.

        Raises:
            CorpusError: There is none, or it can't be understood, and the release needs
                it; `classic` does without.
        """
        try:
            return self._table(tree)
        except CorpusError as error:
            if self.release == "2.0":
                raise
            logger.warning("EMO-DB goes without what its listeners said: %s", error)
            return {}

    def _table(self, tree: Tree) -> Mapping[str, About]:
        if self.release == "2.0" or tree.tables("db.emotion.csv"):
            return dict(
                read_rows(tree.table("db.emotion.csv"), _shares, ("file", "emotion"))
            )
        if tables := tree.tables("erkennung.txt"):
            form = {"delimiter": "\t", "encoding": "latin-1"}
            return dict(read_rows(tables[0], _percents, ("Satz",), ragged=True, **form))
        return {}


def _classic() -> Iterator[str]:
    for line in _CLASSIC.split("\n")[1:-1]:
        speaker, *sentences = line.split()
        for one in sentences:
            yield from (speaker + one[:3] + take for take in re.findall("..", one[3:]))


CLASSIC = frozenset(_classic())


def _shares(row: Row) -> tuple[str, About]:
    stem = PurePosixPath(row["file"]).stem
    if not _NAME.fullmatch(stem):
        raise RowError(f'column file: "{shortened(stem)}" is no name of a clip')
    return stem, _about(row.get("emotion.confidence"), row.get("emotion.naturalness"))


def _percents(row: Row) -> tuple[str, About]:
    cells = (row.get(name).replace(",", ".") for name in ("erkannt", "natuerlich"))
    return PurePosixPath(row["Satz"]).stem, _about(*cells)


def _about(recognised: str, natural: str) -> About:
    facts = {"recognised": recognised, "natural": natural}
    return tuple((name, fact) for name, fact in facts.items() if fact)
