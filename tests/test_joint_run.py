"""Several corpora in one role: split, drawn, and scored one by one and together."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.shell import results, run
from tests.studies.agreeing import check_findings

CLASSES = ("angry", "happy", "sad", "neutral/calm")
CONFIG = """
data:
  class_path: CrossDomainDataModule
  init_args:
    source:
    - {class_path: Demo, init_args: {channel: speech, takes: 1, speakers: 6}}
    - {class_path: Folders, init_args: {root: voices}}
    target: {class_path: Demo, init_args: {channel: song, takes: 1, speakers: 6}}
    labels: four
    balance: both
model: {encoder: tiny}
stages: {source: {max_epochs: 1}, target: {max_epochs: 1}}
"""


@pytest.fixture
def config(here: Path) -> Path:
    """A config, and a folder of five speakers with no calm clip."""
    random = np.random.default_rng(0)
    for emotion in CLASSES[:3]:
        for speaker in range(5):
            path = here / "voices" / emotion / f"{speaker}" / "clip.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, 0.1 * random.standard_normal(4000), 16_000)
    (here / "joint.yaml").write_text(CONFIG)
    return here / "joint.yaml"


def macro_recall(rows: list[dict[str, str]]) -> float:
    """Return the macro recall of rows of predictions.csv."""
    hits = [(row["true"], row["true"] == row["predicted"]) for row in rows]
    return float(
        np.mean(
            [
                np.mean([hit for true, hit in hits if true == name])
                for name in {true for true, _ in hits}
            ]
        )
    )


def test_a_role_of_two_corpora(
    config: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        *("fit", f"--config={config}", "--name=joint"),
        "--trainer.enable_progress_bar=false",
        monkeypatch=monkeypatch,
    )
    folder = here / "logs" / "joint" / "version_0"
    check_findings(folder)
    content = results(folder)
    role = content["roles"]["source"]
    assert role["corpus"] == "demo-speech+voices"
    assert sum(role["corpora"]["voices"]["train"].values()) == 9
    assert role["corpora"]["voices"]["train"]["neutral/calm"] == 0
    with (folder / "split.csv").open() as file:
        split = list(csv.DictReader(file))
    clips = Counter((row["corpus"], row["part"]) for row in split)
    assert clips["voices", "train"] == 9
    assert clips["voices", "val"] == clips["voices", "test"] == 3
    assert clips["demo-speech", "train"] == 4 * clips["demo-speech", "test"]
    assert len({row["clip"] for row in split}) == len(split)
    scores = content["stages"]["source"]["scores"]
    assert list(scores) == [
        "source",
        "source/demo-speech",
        "source/voices",
        "target",
    ]
    with (folder / "predictions.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["stage"] == "source"]
    assert len({(row["role"], row["clip"]) for row in rows}) == len(rows)
    of_source = [row for row in rows if row["role"] == "source"]
    for corpus in ("demo-speech", "voices"):
        clips_of = {row["clip"] for row in split if row["corpus"] == corpus}
        own = [row for row in of_source if row["clip"] in clips_of]
        assert len(own) == scores[f"source/{corpus}"]["n"]
        assert scores[f"source/{corpus}"]["UA"] == pytest.approx(macro_recall(own))
    assert scores["source"]["UA"] == pytest.approx(macro_recall(of_source))
    kept = [row["role"] for row in content["comparisons"] if row["what"] == "kept"]
    assert kept == ["source", "source/demo-speech", "source/voices"]
