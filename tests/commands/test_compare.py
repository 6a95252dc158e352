"""Encoders that were probed in runs of this version, and of one before."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crossemo.commands.compare import compare_runs
from crossemo.probes.judgements import JUDGEMENTS
from tests.layerwise.made_up import made_up_judgements

ROLES = ("speech", "song")
LEAK, SOUND = "LEAK: labels of speech", "heard song"


def probed(folder: Path, seed: int, encoder: str, **marks: Any) -> Path:
    """Leave the judgements of a run that knows what marks say."""
    about = {"encoder": encoder, "corpora": dict(zip(ROLES, ROLES, strict=True))}
    judgements = made_up_judgements(seed, ROLES)
    folder.mkdir()
    judgements = replace(judgements, about={**about, "settings": {}, **marks})
    judgements.save(folder / JUDGEMENTS)
    return folder


def marks_of(path: Path, *keys: str) -> dict[tuple[str, ...], tuple[str, str]]:
    with path.open() as file:
        return {
            tuple(row[key] for key in keys): (row["leak"], row["pretraining"])
            for row in csv.DictReader(file)
        }


@pytest.mark.parametrize("before", [False, True])
def test_a_row_is_marked_by_what_its_encoders_know_of_its_corpus(
    before: bool, here: Path
) -> None:
    by_role = {"speech": {"leak": LEAK}, "song": {}}
    known = {} if before else {"marks": by_role}  # earlier runs tell no corpora apart
    runs = [
        probed(here / "a", 0, "tuned", leak=LEAK, pretraining="", **known),
        probed(here / "b", 1, "heard", pretraining=SOUND, marks={"song": {}}),
        probed(here / "c", 2, "plain", leak="", marks={role: {} for role in ROLES}),
    ]
    folder = compare_runs(runs, logs=here / "logs")
    leak, sound = f"tuned‡: {LEAK}", f"heard†: {SOUND}"
    of_song = leak if before else ""
    layers = marks_of(folder / "layers.csv", "encoder", "judged_on")
    assert layers == {
        ("tuned‡", "speech"): (leak, ""),
        ("tuned‡", "song"): (of_song, ""),
        ("heard†", "speech"): ("", sound),  # of which its run says nothing by role
        ("heard†", "song"): ("", ""),
        ("plain", "speech"): ("", ""),
        ("plain", "song"): ("", ""),
    }
    pairs = marks_of(folder / "encoder_pairs.csv", "first", "second", "judged_on")
    assert pairs == {
        ("tuned‡", "heard†", "speech"): (leak, sound),
        ("tuned‡", "heard†", "song"): (of_song, ""),
        ("tuned‡", "plain", "speech"): (leak, ""),
        ("tuned‡", "plain", "song"): (of_song, ""),
        ("heard†", "plain", "speech"): ("", sound),
        ("heard†", "plain", "song"): ("", ""),
    }
