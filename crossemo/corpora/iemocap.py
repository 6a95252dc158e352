"""IEMOCAP: ten actors in pairs, improvising and playing scenes."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from crossemo.corpora.annotated import AnnotatedCorpus, Annotation
from crossemo.corpora.base import CorpusNotFoundError, Part, Scale, check_choice
from crossemo.corpora.rows import RowError, read_lines
from crossemo.corpora.tree import Tree
from crossemo.errors import shortened
from crossemo.files import printable

Dialogs = Literal["all", "improvised", "scripted"]

_SPEAKERS = tuple(f"Ses0{session}{sex}" for session in range(1, 6) for sex in "FM")
_WORDS = {
    "ang": "angry",
    "hap": "happy",
    "exc": "happy",
    "neu": "neutral",
    "sad": "sad",
    "fea": "fearful",
    "sur": "surprised",
    "dis": "disgust",
}
_EXPECTED = {
    "all": {
        **{"clips": 10_039, "xxx": 2507, "fru": 1849, "neu": 1708, "ang": 1103},
        **{"sad": 1084, "exc": 1041, "hap": 595, "sur": 107, "fea": 40, "oth": 3},
        **{"dis": 2},
    },
    "improvised": {"clips": 4784},
    "scripted": {"clips": 5255},
}
_NOTE = (
    "IEMOCAP: in scripted dialogs all pairs of actors speak the same sentences, so "
    "that part of a score on them may be the words."
)
_IMPOSSIBLE = frozenset(
    (
        "Ses03M_impro07_M003",
        "Ses03M_impro07_M010",
        "Ses03M_impro07_M013",
        "Ses03M_impro07_M021",
        "Ses01M_script03_1_F026",
        "Ses02M_script02_2_F046",
        "Ses04M_script03_2_M009",
    )
)
_OTHERS = {"improvised": "_script", "scripted": "_impro"}  # in names of other dialogs

_FOLDER = "EmoEvaluation"
_DIALOG = re.compile(r"Ses0[1-5][FM]_(impro|script)\d+[ab]?(_\d+[ab]?)?")
_UTTERANCE = re.compile(rf"(?P<dialog>{_DIALOG.pattern})_(?P<sex>[FM])\d+")
_NUMBER = r"-?\d+\.?\d*"
_TURN = re.compile(
    rf"\[(?P<start>{_NUMBER}) - (?P<end>{_NUMBER})\]\s+(?P<stem>{_UTTERANCE.pattern})"
    rf"\s+(?P<label>[a-z]{{3}})\s+"
    rf"\[(?P<valence>{_NUMBER})\s*,\s*(?P<arousal>{_NUMBER})\s*,"
    rf"\s*(?P<dominance>{_NUMBER})\]"
)


class IEMOCAP(AnnotatedCorpus):
    """Interactive Emotional Dyadic Motion Capture database, the audio.

    Content:

    * ten actors in five sessions of a woman and a man, American English; 151 dialogs,
      improvised or scripted, cut into 10 039 utterances of 0.6 to 34.1 s, 12.44 h
    * the emotion that most of the raters heard: fru 1849, neu 1708, ang 1103, sad 1084,
      exc 1041, hap 595, sur 107, fea 40, oth 3, dis 2; xxx where they disagree, 2507
    * valence, arousal and dominance from 1 to 5 for all of them

    With excited as happy, 5531 are angry (1103), happy (1636), neutral (1708) or sad
    (1084), which is what most papers use.

    Format:

    * `Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav`, 16 kHz, mono
    * `Session1/dialog/EmoEvaluation/Ses01F_impro01.txt`: start and end in the dialog,
      name, emotion, and valence, arousal and dominance of every utterance

    **Who speaks** is the letter before the utterance's number. `Ses01F` in front names
    the actor who wore the markers of the motion capture: 2750 of the 5531 utterances
    (49.7 %) are spoken by the other one, and loaders that take it for the speaker train
    on the speakers that they test. Groups are the speaker, such as `iemocap/Ses01M`,
    and the session, `iemocap/Ses01`.

    Seven utterances have a value that the scale doesn't have: valence 5.5 in
    Ses03M_impro07_M003, M010, M013 and M021, dominance 0.5 in Ses01M_script03_1_F026,
    Ses02M_script02_2_F046 and Ses04M_script03_2_M009. These count as not given;
    any other such value is told as a problem.

    The folds are the customary ones, in which each session is tested once, so that
    neither actor of a tested dialog has been heard before.

    Licence: for research, from the University of Southern California by a signed form,
    https://sail.usc.edu/iemocap/

    If you use this corpus, please cite:

    * Busso et al. (2008), IEMOCAP: interactive emotional dyadic motion capture
      database, Language Resources and Evaluation 42(4)

    Args:
        root: The unpacked folder `IEMOCAP_full_release`, or one above it.
        dialogs: `all`, `improvised` or `scripted` ones.
        merge_excited: Whether excited counts as happy, as is customary; else it is
            left out of tasks.
        test_speaker: An actor, such as `Ses01M`, to test alone: the other one of the
            session chooses the model, the other sessions train, and speakers alone are
            groups. Ten such runs are leave-one-speaker-out as others do it.

    Raises:
        CorpusError: There are no such dialogs or is no such speaker.
    """

    name = "iemocap"
    domain = "speech"
    scale = Scale(1, 5, 3)
    citation = """
    @article{busso2008iemocap,
      author = {Busso, Carlos and Bulut, Murtaza and Lee, Chi-Chun and
                Kazemzadeh, Abe and Mower, Emily and Kim, Samuel and
                Chang, Jeannette N. and Lee, Sungbok and Narayanan, Shrikanth S.},
      title = {{IEMOCAP}: Interactive Emotional Dyadic Motion Capture Database},
      journal = {Language Resources and Evaluation},
      volume = {42},
      number = {4},
      pages = {335--359},
      year = {2008},
      doi = {10.1007/s10579-008-9076-6},
    }
    """
    licence = "for research, by a signed form"
    folds = tuple(frozenset({f"iemocap/Ses0{session}"}) for session in range(1, 6))
    advice = (
        "give the unpacked folder IEMOCAP_full_release, with Session1/dialog/"
        "EmoEvaluation and Session1/sentences/wav"
    )
    passed_over = (
        *("__MACOSX", "MOCAP_hand", "MOCAP_head", "MOCAP_rotated"),
        *("transcriptions", "ForcedAlignment"),
        *("Attribute", "Categorical", "Self-evaluation"),
    )

    def __init__(
        self,
        root: str | Path,
        dialogs: Dialogs = "all",
        merge_excited: bool = True,
        test_speaker: str | None = None,
    ) -> None:
        check_choice("IEMOCAP", "dialogs", dialogs, _EXPECTED)
        if test_speaker is not None:
            check_choice("IEMOCAP", "speaker", test_speaker, _SPEAKERS)
        super().__init__(root)
        self.dialogs, self.test_speaker = dialogs, test_speaker
        self._groups = 1 if test_speaker else 2
        self.expected = MappingProxyType(_EXPECTED[dialogs])
        self.note = "" if dialogs == "improvised" else _NOTE
        left_out = () if merge_excited else ("exc",)
        self.words = MappingProxyType(
            {label: word for label, word in _WORDS.items() if label not in left_out}
        )

    def annotations(self, tree: Tree) -> Iterator[Annotation]:
        """Yield the utterances, dialog by dialog."""
        for dialog in self._dialogs(tree):
            path = tree.table(f"{dialog}.txt")
            for turn in read_lines(path, _turn, "latin-1"):  # as raters may comment
                yield self._annotation(turn)

    def audio(self, tree: Tree) -> dict[str, Path]:
        """Return the sound of the dialogs that are selected."""
        return {s: path for s, path in tree.audio.items() if self._is_selected(s)}

    def _dialogs(self, tree: Tree) -> list[str]:
        """Return the dialogs that have a table or audio.

        Raises:
            CorpusNotFoundError: There is none.
        """
        rated = {path.stem for path in tree.files if path.parent.name == _FOLDER}
        utterances = map(_UTTERANCE.fullmatch, tree.audio)
        dialogs = {name["dialog"] for name in utterances if name}
        dialogs |= set(filter(_DIALOG.fullmatch, rated))
        if not dialogs:
            raise CorpusNotFoundError(
                f"No {_FOLDER}/Ses01F_impro01.txt or the like lies under "
                f"{printable(tree.root)}: {tree.advice}."
            )
        return sorted(filter(self._is_selected, dialogs))

    def _is_selected(self, name: str) -> bool:
        return self.dialogs == "all" or _OTHERS[self.dialogs] not in name

    def _annotation(self, turn: Mapping[str, str]) -> Annotation:
        session = turn["stem"][:5]
        speaker = session + turn["sex"]
        return Annotation(
            turn["stem"],
            (f"iemocap/{speaker}", f"iemocap/{session}")[: self._groups],
            turn["label"],
            valence=_value(turn["stem"], turn["valence"]),
            arousal=_value(turn["stem"], turn["arousal"]),
            dominance=_value(turn["stem"], turn["dominance"]),
            part=self._part(speaker),
            about=(
                ("sex", "female" if turn["sex"] == "F" else "male"),
                ("session", session[-1]),
                ("dialog", turn["dialog"]),
                ("improvised", "yes" if "_impro" in turn["dialog"] else "no"),
                ("start in dialog", turn["start"]),
                ("end in dialog", turn["end"]),
            ),
        )

    def _part(self, speaker: str) -> Part | None:
        if self.test_speaker is None:
            return None
        if speaker == self.test_speaker:
            return "test"
        return "val" if speaker[:5] == self.test_speaker[:5] else "train"


def _value(stem: str, text: str) -> float | None:
    """Return a value; None for those that are known to be out of the scale."""
    value = float(text)
    return None if stem in _IMPOSSIBLE and value not in IEMOCAP.scale else value


def _turn(line: str) -> Mapping[str, str] | None:
    """Return what the line of an utterance says; None for lines of single raters."""
    if not line.startswith("["):
        return None
    if not (turn := _TURN.fullmatch(line)):
        raise RowError(f'"{shortened(line)}" is no line of an utterance')
    return turn.groupdict()
