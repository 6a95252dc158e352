"""EMOPIA with clips cut by a user: odd ids, a song in two quadrants, a lost video."""

import json
from collections.abc import Sequence
from pathlib import Path

from crossemo.corpora.emopia import EMOPIA
from tests.corpora.trees.base import OfficialTree, write_sound, write_table

# The parts of EMOPIA_cls and of the release; the last clip is in none of the first.
CLIPS = (
    ("Q1_0vLPYiPN7qY_0", "train", "train"),
    ("Q3_0vLPYiPN7qY_1", "train", "train"),
    ("Q1__kJtgm1OUNA_0", "train", "val"),
    ("Q1__kJtgm1OUNA_1", "train", "val"),
    ("Q2_--2B4d4lQhs_0", "train", "train"),
    ("Q2_-jJVb0xvbdg_12", "val", "train"),
    ("Q4_-_FjI4bT2Wo_0", "train", "train"),
    ("Q4_xgtwQGeB6_0_0", "train", "train"),
    ("Q3_zjr_-ql5Avk_0", "train", "test"),
    ("Q3_02t1bj7ZABY_0", "test", "test"),
    ("Q2_AWNbcxXDmt0_0", "test", "val"),
    ("Q4_1A9Hh2GrDTs_0", "test", "test"),
    ("Q1_4ydjOX3pWds_0", "val", "train"),
    ("Q4_OUb9uaOlWAM_0", None, "val"),
)
GONE = "Q2_5CEAeMiXKaA_0"  # its video could not be fetched
CHANNELS = {"0vLPYiPN7qY": "UC-one", "_kJtgm1OUNA": "UC-one", "02t1bj7ZABY": "UC-two"}


def write(root: Path) -> dict[str, Path]:
    """Write release 1.0, the split of EMOPIA_cls and the user's clips into the root."""
    folder = root / "EMOPIA_1.0"
    stems = [stem for stem, *_ in CLIPS]
    write_table(
        folder / "label.csv",
        "ID,4Q,annotator",
        *(f"{stem},{stem[1]},A" for stem in [*stems, GONE]),
    )
    for part in ("train", "val", "test"):
        write_split(
            root / "EMOPIA_cls" / "dataset" / "split" / f"{part}.csv",
            [stem for stem, cls, _ in CLIPS if cls == part],
        )
        write_release_split(
            folder / "split" / f"{part}_clip.csv",
            [stem for stem, _, release in CLIPS if release == part],
        )
    for video, channel in CHANNELS.items():
        text = json.dumps({"id": video, "snippet": {"channelId": channel, "tags": []}})
        write_table(folder / "metadata" / f"Qx_{video}.json", text)
    write_table(root / "__MACOSX" / "EMOPIA_1.0" / "label.csv", "\0\5\x16\7Mac OS X")
    audio = folder / "audios"
    write_sound(audio / "raw" / "0vLPYiPN7qY.mp3", 0.8, 44_100, 2)
    for stem in stems:
        write_sound(audio / "seg" / f"{stem}.mp3", 0.4, 22_050)
    return {stem: audio / "seg" / f"{stem}.mp3" for stem in stems}


def write_split(path: Path, stems: Sequence[str]) -> None:
    """Write a table as EMOPIA_cls has it."""
    write_table(path, "fname,label", *(f"{stem},{stem[:2]}" for stem in stems))


def write_release_split(path: Path, stems: Sequence[str]) -> None:
    """Write a table as release 1.0 has it."""
    write_table(
        path, ",clip_name", *(f"{number},{s}.mid" for number, s in enumerate(stems))
    )


TREE = OfficialTree(
    EMOPIA,
    write,
    table="EMOPIA_1.0/label.csv",
    row="Q4_1A9Hh2GrDTs_0,4,A",
    too_low="EMOPIA_1.0/audios",
)
