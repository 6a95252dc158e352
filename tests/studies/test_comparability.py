import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from crossemo.studies.findings import Findings, findings_of
from tests.studies.made_up_runs import MadeUp, write_folds, write_run


def reasons(found: Findings) -> dict[str, str]:
    return dict(found.exclusions.itertuples(index=False, name=None))


def test_settings_that_decide_nothing_are_one_condition(tmp_path: Path) -> None:
    free: dict[str, Any] = {
        "name": "x",
        "threads": 4,
        "trainer": {"accelerator": "cpu"},
    }
    for fold in range(4):
        one = MadeUp(fold=fold, settings=free if fold % 2 else {})
        write_run(tmp_path / f"version_{fold}", one)
    found = findings_of([tmp_path])
    assert set(found.folds["folds"]) == {4}
    assert found.folds["condition"].nunique() == 1


def test_settings_that_decide_are_never_averaged(tmp_path: Path) -> None:
    several: tuple[dict[str, Any], ...] = (
        {},
        {"model.lr": 0.1},
        {"model.tuning": "lora"},
        {"data.batch_size": 4},
    )
    for number, settings in enumerate(several):
        write_folds(tmp_path / f"{number}", MadeUp(settings=settings))
    found = findings_of([tmp_path])
    assert found.folds["condition"].nunique() == 4
    assert found.folds["study"].nunique() == 1  # may stand in one table
    assert set(found.folds["folds"]) == {4}
    assert not len(found.exclusions)


def test_other_tasks_corpora_and_splits_are_other_studies(tmp_path: Path) -> None:
    of = {
        "usual": MadeUp(),
        "swapped": MadeUp(corpora={"source": ("song",), "target": ("talk",)}),
        "values": MadeUp(values=True),
        "corpora": MadeUp(corpora={"source": ("play",), "target": ("song",)}),
        "folds": MadeUp(folds=3),
    }
    for name, one in of.items():
        write_folds(tmp_path / name, one)
    found = findings_of([tmp_path])
    names = found.runs["run"].str.partition("/")[0]
    studies = found.runs.groupby(names)["study"].unique().str.join("")
    assert studies["usual"] == studies["swapped"]
    assert studies.nunique() == 4
    assert not len(found.exclusions)


def test_other_clips_are_left_out_and_named(tmp_path: Path) -> None:
    for number in range(3):
        write_folds(tmp_path / f"{number}", MadeUp(settings={"model.lr": number}))
    for name in ("predictions.csv", "split.csv"):
        path = tmp_path / "1" / "version_2" / name
        table = pd.read_csv(path)
        table[table["clip"] != "song/02-sad-0"].to_csv(path, index=False)
    path = tmp_path / "1" / "version_2" / "results.json"
    content = json.loads(path.read_text())
    for test in content["stages"].values():
        test["scores"]["target"]["n"] -= 1
    path.write_text(json.dumps(content))
    found = findings_of([tmp_path])
    (reason,) = found.exclusions["reason"]
    assert reasons(found) == {"1/version_2": reason}
    assert "other clips in fold 2" in reason
    assert "doesn't test song/02-sad-0" in reason
    rows = found.folds[found.folds["score"] == "UA"]
    assert sorted(rows.groupby("condition")["folds"].first()) == [3, 4, 4]


def test_another_part_of_training_is_another_split(tmp_path: Path) -> None:
    for number in range(3):
        write_folds(tmp_path / f"{number}", MadeUp(settings={"model.lr": number}))
    path = tmp_path / "2" / "version_0" / "split.csv"
    table = pd.read_csv(path)
    table.loc[table["group"] == "unit/03", "part"] = "val"
    table.to_csv(path, index=False)
    found = findings_of([tmp_path])
    assert list(reasons(found)) == ["2/version_0"]
    assert "another split" in reasons(found)["2/version_0"]


def test_no_clip_is_tested_in_two_folds(tmp_path: Path) -> None:
    write_folds(tmp_path, MadeUp())
    other = write_run(tmp_path / "version_3", MadeUp(fold=0))  # says that it is fold 3
    for name, old, new in (
        ("config.yaml", "fold: 0", "fold: 3"),
        ("results.json", '"fold": 0', '"fold": 3'),
    ):
        path = other / name
        path.write_text(path.read_text().replace(old, new))
    found = findings_of([tmp_path])
    assert list(reasons(found)) == ["version_3"]
    assert "fold 0" in reasons(found)["version_3"]
    assert set(found.folds["clips"]) == {48}


def test_other_weights_of_the_encoder_are_left_out(tmp_path: Path) -> None:
    for fold in range(4):
        of = {"encoder_fingerprint": "b" if fold == 1 else "a"}
        write_run(tmp_path / f"version_{fold}", MadeUp(fold=fold, results=of))
    found = findings_of([tmp_path])
    assert list(reasons(found)) == ["version_1"]
    assert "weights" in reasons(found)["version_1"]
    assert set(found.folds["folds"]) == {3}


def test_a_seed_without_all_folds_is_not_averaged_with_the_others(
    tmp_path: Path,
) -> None:
    write_folds(tmp_path, MadeUp(), seeds=(0, 1, 2))
    for name in ("results.json", "config.yaml", "predictions.csv", "split.csv"):
        (tmp_path / "version_6" / name).unlink()  # fold 2 of seed 1
    found = findings_of([tmp_path])
    assert list(reasons(found)) == [f"version_{k}" for k in (4, 5, 7)]
    assert "lacks fold 2" in reasons(found)["version_4"]
    assert set(found.folds["seeds"]) == {2}


def test_settings_of_few_folds_are_not_set_beside_those_of_all(tmp_path: Path) -> None:
    write_folds(tmp_path / "all", MadeUp())
    for fold in range(2):
        half = MadeUp(fold=fold, settings={"model.lr": 0.1})
        write_run(tmp_path / "half" / f"version_{fold}", half)
    write_run(
        tmp_path / "one" / "version_0", MadeUp(fold=1, settings={"model.lr": 0.2})
    )
    found = findings_of([tmp_path])
    assert set(found.folds["folds"]) == {2, 4}
    assert reasons(found) == {
        "one/version_0": "incomplete: its settings have fold 1 only, others of "
        "this study 4 folds, so it is not set beside them"
    }


def test_the_newest_of_runs_that_are_alike_counts(tmp_path: Path) -> None:
    write_folds(tmp_path, MadeUp())
    newer = write_run(tmp_path / "version_9", MadeUp(fold=1, skill={"target": 1.0}))
    older = tmp_path / "version_1" / "results.json"
    stamp = (newer / "results.json").stat().st_mtime
    os.utime(older, (stamp - 60, stamp - 60))
    found = findings_of([tmp_path])
    assert list(reasons(found)) == ["version_1"]
    assert "version_9" in reasons(found)["version_1"]
    assert all("version_9" in runs for runs in found.folds["runs"])


def test_versions_of_a_run_that_was_cut_off_and_gone_on_with(tmp_path: Path) -> None:
    for fold in range(3):
        write_run(tmp_path / f"version_{fold + 1}", MadeUp(fold=fold))
    (tmp_path / "version_0").mkdir()
    (tmp_path / "version_0" / "config.yaml").write_text("name: x")
    found = findings_of([tmp_path])
    assert reasons(found) == {"version_0": "unfinished: it has no results"}
    assert set(found.folds["folds"]) == {3}
