"""IEMOCAP_full_release: odd dialogs, raters' lines, what is not audio of utterances."""

from collections.abc import Iterable
from pathlib import Path

from crossemo.corpora.iemocap import IEMOCAP
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"
# Women's turns come first; each has a label and valence, arousal and dominance.
TURNS = {
    "Ses01F_impro01": (
        ("F000", "neu", (2.5, 2.0, 2.5)),
        ("F001", "exc", (4.0, 4.0, 3.0)),
        ("M000", "fru", (2.0, 3.5, 3.3333)),
        ("M001", "ang", (1.5, 4.5, 4.0)),
    ),
    "Ses01M_script01_1": (
        ("F000", "hap", (4.5, 3.0, 3.0)),
        ("M000", "sad", (2.0, 2.0, 2.0)),
    ),
    "Ses02F_impro02": (
        ("F000", "neu", (3.0, 2.0, 3.0)),
        ("F001", "hap", (4.0, 3.5, 3.0)),
        ("M000", "sad", (1.5, 2.0, 2.0)),
        ("M001", "ang", (1.0, 4.0, 4.0)),
    ),
    "Ses03M_impro05a": (
        ("F000", "neu", (3.0, 2.5, 2.0)),
        ("F001", "exc", (4.0, 4.5, 3.5)),
        ("M000", "sad", (2.0, 1.5, 2.0)),
        ("M001", "ang", (2.0, 4.0, 4.5)),
    ),
    "Ses03M_impro07": (("M003", "exc", (5.5, 4.0, 3.0)),),
    "Ses03M_impro08b": (("F000", "xxx", (3.0, 3.0, 3.0)),),
    "Ses04F_impro03": (
        ("F000", "neu", (3.0, 2.0, 2.5)),
        ("F001", "hap", (4.5, 3.0, 3.0)),
        ("M000", "ang", (1.5, 4.0, 4.5)),
        ("M001", "sad", (2.0, 2.0, 1.5)),
    ),
    "Ses05M_script01_1b": (
        ("F000", "ang", (1.5, 4.5, 4.0)),
        ("F001", "neu", (3.0, 2.0, 3.0)),
        ("M000", "hap", (4.0, 3.0, 3.0)),
        ("M001", "sad", (1.5, 2.5, 2.0)),
        ("M002", "fea", (2.0, 4.0, 1.5)),
    ),
}


def write(root: Path) -> dict[str, Path]:
    """Write the folder IEMOCAP_full_release into the root."""
    release = root / "IEMOCAP_full_release"
    audio = {}
    for dialog, turns in TURNS.items():
        session = release / f"Session{dialog[4]}"
        rated = session / "dialog" / "EmoEvaluation"
        write_table(rated / f"{dialog}.txt", *evaluation(dialog, turns))
        name = f"{dialog}_e2_cat.txt"
        write_table(rated / "Categorical" / name, f"{dialog}_F000 :Neutral; ()")
        spoken = session / "dialog" / "transcriptions" / f"{dialog}.txt"
        write_table(spoken, f"{dialog}_F000 [006.2901-008.2357]: Excuse me.")
        write_sound(session / "dialog" / "wav" / f"{dialog}.wav", 0.5)
        write_table(session / "dialog" / "MOCAP_hand" / f"{dialog}.txt", "Frame# Time")
        wavs = session / "sentences" / "wav" / dialog
        for turn, *_ in turns:
            stem = f"{dialog}_{turn}"
            seconds = 1.0 if turn == "M000" else 0.3
            audio[stem] = write_sound(wavs / f"{stem}.wav", seconds)
    hidden = release / "Session1" / "dialog" / "EmoEvaluation" / "._Ses01F_impro01.txt"
    hidden.write_bytes(b"\0\5\x16\7")
    return audio


def evaluation(
    dialog: str, turns: Iterable[tuple[str, str, Iterable[float]]]
) -> list[str]:
    """Return the lines of a dialog's table, those of single raters too."""
    lines = [HEADER, ""]
    for place, (turn, label, values) in enumerate(turns):
        start = f"[{6.2901 + 4 * place:.4f} - {8.2357 + 4 * place:.4f}]"
        summary = ", ".join(f"{value:.4f}" for value in values)
        lines += [
            f"{start}\t{dialog}_{turn}\t{label}\t[{summary}]",
            "C-E2:\tNeutral;\t()",
            "C-E3:\tNeutral; Anger;\t()",
            "C-F1:\tNeutral;\t(curious)",
            "A-E3:\tval 3; act 2; dom  2;\t()",
            "A-E4:\tval 2; act 3;\t(mildly aggravated but staying polite, attitude)",
            "",
        ]
    return lines


TREE = OfficialTree(
    IEMOCAP,
    write,
    table="IEMOCAP_full_release/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
    cell=("ang\t[1.5000, 4.5000, 4.0000]", "ang\t[1.5000, 4.5000, 0.5000]"),
    row="[10.2901 - 12.2357]\tSes01F_impro01_F001\texc\t[4.0000, 4.0000, 3.0000]",
    too_low="IEMOCAP_full_release/Session1/sentences",
)
