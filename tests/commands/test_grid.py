"""`crossemo grid` as it is typed; its runs are tried in `tests/grids`."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from crossemo.grids import command
from crossemo.grids.command import words_of
from crossemo.grids.home import write_outcome
from crossemo.grids.outcome import Outcome
from crossemo.grids.plan import Plan
from tests.shell import run, run_alone

CONFIG = """
model: {encoder: tiny}
data:
  class_path: CrossDomainDataModule
  init_args:
    source: {class_path: RAVDESS, init_args: {root: ROOT, channel: speech}}
    target: {class_path: RAVDESS, init_args: {root: ROOT, channel: song}}
    split: kfold
    folds: 3
stages:
  source: {max_epochs: 1}
  target: {max_epochs: 1}
fad: {enabled: false}
trainer: {accelerator: cpu}
"""
Typed = Callable[..., str]


@pytest.fixture
def config(here: Path, ravdess: Path) -> Path:
    path = here / "c.yaml"
    path.write_text(CONFIG.replace("ROOT", str(ravdess)))
    return path


@pytest.fixture
def typed(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    def answer(*words: object) -> str:
        run(*words, monkeypatch=monkeypatch)
        return capsys.readouterr().out

    return answer


def outcome(plan: Plan, place: int, sentence: str | None, seconds: float) -> Outcome:
    """Write what became of a run of a plan."""
    made = Outcome.now(sentence, 0, seconds, 1)
    write_outcome(plan.home_of(plan.runs[place]), made)
    return made


def planned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Plan, Any]]:
    """Have plans noted instead of run; their runs all fail but the first."""
    calls: list[tuple[Plan, Any]] = []

    def note(plan: Plan, *more: object) -> Sequence[Outcome]:
        calls.append((plan, more))
        ends = [None, *["There is no tape."] * (len(plan.runs) - 1)]
        return [Outcome.now(end, 0, 1.0, 1) for end in ends]

    monkeypatch.setattr(command, "run_all", note)
    monkeypatch.setattr(command, "submit_all", note)
    return calls


def test_a_dry_run_lists_the_runs_and_what_they_would_cost(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    lr = "--model.lr={grid: [0.1, 0.2]}"
    words = ["grid", "c.yaml", lr, "--data.fold", "all"]
    first = typed(*words, "--dry-run")
    assert "6 runs, 6 of them to run; none is done, so nobody knows" in first
    assert not Path("logs").exists()
    calls = planned(monkeypatch)
    with pytest.raises(SystemExit) as error:
        typed(*words, "--jobs=3", "--retries=0")
    assert str(error.value) == (
        "crossemo: 5 of 6 runs failed; the first: There is no tape. The same command "
        "tries them again."
    )
    ((plan, more),) = calls
    assert more == (3, 0)
    outcome(plan, 0, None, 60.0)  # lr 0.1
    outcome(plan, 1, "There is no tape.", 5.0)
    outcome(plan, 3, None, 600.0)  # lr 0.2
    (plan.home_of(plan.runs[4]) / "version_0").mkdir()
    lines = [line.split() for line in typed(*words, "--dry-run").splitlines()]
    assert [line for line in lines if line and line[0].startswith("lr")] == [
        ["lr0.1_fold0", "done", "60", "s"],
        ["lr0.1_fold1", "failed", "There", "is", "no", "tape."],
        ["lr0.1_fold2", "to", "run"],
        ["lr0.2_fold0", "done", "10", "min"],
        ["lr0.2_fold1", "begun"],
        ["lr0.2_fold2", "to", "run"],
    ]
    # Two of the first kind and two of the second: 2 · 60 s + 2 · 600 s.
    cost = "6 runs, 4 of them to run: about 22 min one after another, as the 2"
    assert cost in " ".join(lines[-1])


def test_runs_may_be_handed_to_a_cluster(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = planned(monkeypatch)
    typed("grid", "c.yaml", "--cluster=slurm", "--cluster.minutes", 30, "--name=mine")
    ((plan, (cluster,)),) = calls
    assert (cluster.scheduler, cluster.minutes) == ("slurm", 30)
    content = json.loads(Path("logs/mine/grid.json").read_text())
    assert [one["digest"] for one in content["runs"]] == [plan.runs[0].digest]


def test_what_was_typed_is_sorted() -> None:
    words = words_of(
        [
            "a.yaml",
            "--x",
            "-1",
            "-c=b.yaml",
            "--name=n",
            "--dry-run",
            "--config",
            "c.yml",
        ]
    )
    assert list(map(str, words.configs)) == ["a.yaml", "b.yaml", "c.yml"]
    assert words.own == ["--name=n", "--dry-run"]
    assert words.runs == ["--x=-1"]


REFUSED = {
    (): "Which runs? Give a config with choices in it",
    ("c.yaml", "--name"): "--name needs a value.",
    ("nowhere.yaml",): "nowhere.yaml",
    ("c.yaml", "--jobs=0"): "jobs is 0: give a whole number above 0.",
    ("c.yaml", "--jobs=x"): "jobs is x: give a whole number.",
    ("c.yaml", "--cluster=slum"): "cluster.scheduler is slum: choose slurm or local.",
}


@pytest.mark.parametrize("words", REFUSED)
def test_mistakes_are_named(
    words: tuple[str, ...], typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        typed("grid", *words)
    assert REFUSED[words] in f"{error.value} {capsys.readouterr().err}"


@pytest.mark.slow
def test_a_fit_of_all_folds_is_a_grid_that_ends_in_cross_validation(
    config: Path, typed: Typed
) -> None:
    words = ["fit", "--config=c.yaml", "--data.fold=all", "--logs=here", "--jobs=2"]
    ended = run_alone(*words, cwd=config.parent)
    assert ended.returncode == 0, ended.stderr
    folder = config.parent / "here" / "c"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("fold0", "fold1", "fold2", "grid.json")
    ]
    lines = [line.split() for line in ended.stdout.splitlines()]
    head = ["stage", "place", "UA", "WA", "macro_F1"]
    assert [*head, "clips", "units", "folds", "seeds"] in lines
    (row, _) = [line for line in lines if line[:2] == ["target", "source"]]
    assert row[-4:] == ["88", "4", "3", "1"]  # 22 of each actor in the shared emotions
    again = typed("grid", *words[1:4], "--name=c", "--dry-run")
    assert "3 runs, all of them done." in again
