"""From configs to runs: named, identified, over all folds, refused in a sentence."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from crossemo.errors import CrossEmoError
from crossemo.grids import validation
from crossemo.grids.drafts import Draft
from crossemo.grids.plan import Plan
from crossemo.grids.planning import plan_of

CONFIG = """
model: {encoder: tiny, tuning: {grid: [frozen, lora]}}
data:
  class_path: CrossDomainDataModule
  init_args:
    source: {class_path: RAVDESS, init_args: {root: ROOT, channel: speech}}
    target: {class_path: RAVDESS, init_args: {root: ROOT, channel: song}}
    split: leave_one_out
stages:
  source: {max_epochs: 1}
  target: {max_epochs: 1}
"""
Planned = Callable[..., Plan]


@pytest.fixture
def planned(here: Path, ravdess: Path) -> Planned:
    """Plan a config, of which parts are replaced, with typed options."""

    def plan(*words: str, **parts: str) -> Plan:
        text = CONFIG.replace("ROOT", str(ravdess))
        for before, after in parts.items():
            assert before in text
            text = text.replace(before, after)
        (here / "c.yaml").write_text(text)
        return plan_of([Path("c.yaml")], words)

    return plan


def test_runs_are_ordinary_fits_of_their_own_configs(planned: Planned) -> None:
    plan = planned("--data.fold", "{grid: [0, 3]}", "--threads=1")
    assert (plan.name, plan.logs) == ("c", Path("logs"))
    assert [run.label for run in plan.runs] == [
        *("frozen_fold0", "frozen_fold3", "lora_fold0", "lora_fold3")
    ]
    assert [axis.name for axis in plan.axes] == ["tuning", "fold"]
    assert len({run.digest for run in plan.runs}) == 4
    for run in plan.runs:
        home = f"logs/runs/{run.digest}"
        fold = run.axes["fold"].removeprefix("fold")
        assert list(run.words) == [
            f"--config={home}/c.yaml",
            f"--data.fold={fold}",
            "--threads=1",
            f"--name=runs/{run.digest}",
            "--logs=logs",
        ]
        assert f"tuning: {run.axes['tuning']}\n" in run.configs["c.yaml"]
    assert not Path("logs").exists()


def test_a_run_is_the_same_one_in_any_grid(planned: Planned) -> None:
    wide = {run.digest for run in planned("--data.fold={grid: [0, 1]}").runs}
    narrow = planned("--model.tuning=lora", "--data.init_args.fold=1")
    assert {run.digest for run in narrow.runs} < wide
    assert len(narrow.runs) == 1  # the grid below the typed value makes no difference


def test_all_folds_are_those_that_the_split_has(planned: Planned) -> None:
    every = planned("--model.tuning=frozen", "--data.fold=all")
    assert [run.label for run in every.runs] == ["fold0", "fold1", "fold2", "fold3"]
    listed = planned("--model.tuning=frozen", "--data.fold={grid: [0, 1, 2, 3]}")
    assert [run.digest for run in every.runs] == [run.digest for run in listed.runs]


def test_all_folds_stand_in_a_config_too(planned: Planned) -> None:
    three = "split: kfold\n    folds: 3\n    fold: all"
    plan = planned(**{"split: leave_one_out": three})
    labels = [f"{name}_fold{n}" for name in ("frozen", "lora") for n in range(3)]
    assert [run.label for run in plan.runs] == labels
    assert all(f"fold: {run.label[-1]}\n" in run.configs["c.yaml"] for run in plan.runs)


REFUSED_BY_PARSER = {
    "--model.tunning=lora": "no option model.tunning: did you mean model.tuning?",
    "--model.tuning={grid: [lora, lorra]}": "model.tuning is lorra",
    "--data.source.channel={grid: [speech, 3]}": "channel is 3: choose speech or song",
    "--stages.target.max_epochs={grid: [1, x]}": "stages.target.max_epochs is x",
}


@pytest.mark.parametrize("word", REFUSED_BY_PARSER)
def test_a_mistyped_value_is_refused(
    word: str, planned: Planned, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        planned(word)
    sentence, *_ = capsys.readouterr().err.splitlines()
    assert REFUSED_BY_PARSER[word] in sentence


def test_a_value_of_a_config_is_refused_with_its_line(
    planned: Planned, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        planned(**{"grid: [frozen, lora]": "grid: [frozen, lorra]"})
    (sentence, _) = capsys.readouterr().err.splitlines()
    assert "model.tuning is lorra (c.yaml, line 2): choose frozen" in sentence


REFUSED = {
    "--data.fold={grid: [0, 4]}": "frozen_fold4: There is no fold 4: choose 0 to 3.",
    "--data.source.root=nowhere": "nowhere",
    "--data.source.channel={grid: [speech, song]}": (
        "frozen_song: Source and target are both ravdess-song: choose two corpora."
    ),
    "--model.encoder={grid: [tiny, tyni]}": "There is no encoder 'tyni'",
    "--ckpt_path=last": "A grid gives each run its own --ckpt_path: leave it out.",
    "--stages={grid: []}": "--stages: grid is empty: list the values",
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_cannot_be_run_is_refused(
    word: str, planned: Planned, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((CrossEmoError, SystemExit)) as error:
        planned(word)
    assert REFUSED[word] in f"{error.value}{capsys.readouterr().err}"


def test_all_folds_of_a_given_split_are_refused(planned: Planned) -> None:
    units = [f"ravdess/{number:02}" for number in (1, 2, 3, 4)]
    split = json.dumps({"train": units[:2], "val": units[2:3], "test": units[3:]})
    with pytest.raises(CrossEmoError, match=r"data\.fold is all, but .* no folds"):
        planned(f"--data.split={split}", "--data.fold=all")


@pytest.mark.parametrize("name", ["runs", "runs/x", "../x", "/x"])
def test_a_name_that_no_grid_can_have_is_refused(name: str, here: Path) -> None:
    (here / "c.yaml").write_text("a: 1")
    with pytest.raises(CrossEmoError, match="--name"):
        plan_of([Path("c.yaml")], [], name)


def test_of_many_runs_each_value_is_parsed_once(
    planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse, parsed = validation.Validation.parse, []

    def count(self: validation.Validation, draft: Draft) -> object:
        parsed.append(draft)
        return parse(self, draft)

    monkeypatch.setattr(validation.Validation, "parse", count)
    seeds = "{grid: [0, 1, 2, 3]}"
    plan = planned("--data.fold={grid: [0, 1, 2, 3]}", f"--seed_everything={seeds}")
    assert len(plan.runs) == 32
    assert len(parsed) == 8  # four seeds of the first fold, three folds, a tuning
    assert os.listdir() == ["c.yaml"]
