"""`crossemo report` on what made-up runs and grids have left."""

import os
import re
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from crossemo.cli import main
from tests.report.html import Element, file_of, read_page
from tests.studies.made_up_runs import GAIN, MadeUp, write_folds, write_grid

STAGE: dict[str, Any] = {
    "max_epochs": 3,
    "max_steps": None,
    "patience": None,
    "train": None,
}
STAGE |= {"batch_size": 16, "lr": 0.002, "encoder_lr": 0.001, "warmup": 0.1}
STAGE |= {"schedule": "cosine", "class_weights": "balanced"}
MODEL: dict[str, Any] = {
    "model.layer_norm": False,
    "model.pooling": "mean",
    "model.hidden": 256,
}
MODEL |= {"model.dropout": 0.0, "model.peft": None, "model.weight_decay": 0.01}
CORPUS: dict[str, Any] = {"window": None, "hop": None, "skipped": 0, "dropped": 0}
CORPUS |= {"clips": {"test": {"sad": 2}}, "groups": {"test": 1}}
ROLES = {
    "source": {"corpus": "talk", "domain": "speech", **CORPUS},
    "target": {"corpus": "song", "domain": "music", **CORPUS},
}
CPU = {"type": "cpu", "name": "a machine", "threads": 2, "processes": 1}
RESULTS: dict[str, Any] = {
    "crossemo": "0.0.9",
    "versions": {"torch": "2.11.0"},
    "device": CPU,
}
RESULTS |= {"interval_level": 0.95, "sampling_rate": 16000, "batch_seconds": None}
made_up = partial(
    MadeUp,
    stages={name: STAGE | stage for name, stage in GAIN.items()},
    settings=MODEL,
    results=RESULTS | {"roles": ROLES},
)


@pytest.fixture
def study(here: Path) -> Path:
    """The logs of a grid with runs that are done, failed, cut off and missing."""
    runs: dict[str, MadeUp | str | None] = {
        f"fold{fold}_seed{seed}": made_up(fold=fold, seed=seed, skill={"target": 0.9})
        for fold, seed in product(range(4), range(2))
    }
    others = {"bad": "a.wav: <b>broken</b>", "cut": "", "never": None}
    write_grid(here / "logs", "study", runs | others)
    return here / "logs"


def report(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr("sys.argv", ["crossemo", "report", *words])
    main()


def table_of(page: Element, name: str) -> list[list[str]]:
    (table,) = (t for t in page.within("table") if t.attributes["id"] == name)
    rows = table.within("tr")[1:]
    return [[cell.text for cell in row.elements] for row in rows]


def test_a_grid_is_reported_beside_its_runs(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report(monkeypatch, "logs/study")
    printed = capsys.readouterr().out
    assert "Two stages, talk to song" in printed
    assert printed.endswith("Report: logs/study/report/report.html\n")
    file = study / "study" / "report" / "report.html"
    page = read_page(file)
    assert table_of(page, "left-out") == [
        ["bad", "failed: a.wav: <b>broken</b>"],
        ["cut", "unfinished: it is under way, or was cut off"],
        ["never", "missing"],
    ]
    states = [row[:2] for row in table_of(page, "runs-table")]
    assert [state for _, state in states] == ["done"] * 8 + [
        *("failed", "running", "missing")
    ]
    clips = [one for one in page.within("a") if one.text == "predictions.csv"]
    assert len(clips) == 8
    assert all(file_of(one.attributes["href"], file).is_file() for one in clips)
    assert clips[0].attributes["href"] == "../fold0_seed0/version_1/predictions.csv"
    methods = [p.text for p in page.within("p") if p.text.startswith("Training.")]
    assert "learning rates of 0.002" in methods[0]
    assert "2.11.0" in "".join(table_of(page, "machines-table")[0])


def test_several_paths_are_reported_in_a_folder_of_their_own(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folds(study / "alone", made_up(values=True))
    report(monkeypatch, "logs/study", "logs/alone", "--name", "both")
    assert capsys.readouterr().out.endswith("Report: logs/both/version_0/report.html\n")
    page = read_page(study / "both" / "version_0" / "report.html")
    titles = [one.text for one in page.within("h3")]
    assert [t for t in titles if t.startswith("Two stages")] == [
        title for title in titles if title.startswith("Two stages, talk to song, ")
    ]
    assert len([t for t in titles if t.startswith("Two stages")]) == 2
    assert page.within("h1")[0].text == "study, alone"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Give folders of grids or runs, such as logs/paper_demo."),
        (["nowhere"], "nowhere is no folder: give one with runs in it."),
        (
            ["empty"],
            "No run lies in empty: give the folder of a grid, or one with runs ",
        ),
        (
            ["logs/bad"],
            "None of the 2 runs is done (the first: failed: It is out of memory): run "
            "them, and then crossemo report again.",
        ),
    ],
)
def test_without_a_run_that_is_done_there_is_a_sentence(
    here: Path,
    words: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (here / "empty").mkdir()
    write_grid(here / "logs", "bad", {"one": "It is out of memory.", "other": None})
    with pytest.raises(SystemExit, match=re.escape(f"crossemo: {sentence}")):
        report(monkeypatch, *words)
    assert not [name for name in os.listdir(here / "logs" / "bad") if "report" in name]
