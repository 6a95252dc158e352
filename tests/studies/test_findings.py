import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t, ttest_1samp
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    recall_score,
)

from crossemo.errors import CrossEmoError
from crossemo.studies.findings import Findings, findings_of
from tests.studies.agreeing import check_findings
from tests.studies.made_up_runs import (
    CLASSES,
    CORPORA,
    GAIN,
    MadeUp,
    write_folds,
    write_grid,
    write_run,
)

OF_CLASSES: dict[str, Callable[[Any, Any], float]] = {
    "UA": balanced_accuracy_score,
    "WA": accuracy_score,
    "macro_F1": lambda true, said: f1_score(true, said, average="macro"),
    "recall/sad": lambda true, said: recall_score(
        true, said, labels=["sad"], average="macro"
    ),
}


def concordance(true: Any, said: Any) -> float:
    """Lin's coefficient by numpy."""
    covariance = np.cov(true, said)
    apart = covariance[0, 0] + covariance[1, 1] + (np.mean(true) - np.mean(said)) ** 2
    return float(2 * covariance[0, 1] / apart)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four folds of two seeds, and the same with values."""
    folder = tmp_path_factory.mktemp("logs")
    better = MadeUp(skill={"target": 0.8})
    write_folds(folder / "classes", better, seeds=(0, 1))
    write_folds(folder / "values", MadeUp(values=True, skill={"target": 0.9}))
    return folder


@pytest.fixture(scope="module")
def found(logs: Path) -> Findings:
    return findings_of([logs])


def row(table: pd.DataFrame, **columns: object) -> pd.Series:
    """Return the one row of these values."""
    for name, value in columns.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def clips(found: Findings, task: str, stage: str, place: str) -> pd.DataFrame:
    """Return the predictions of a stage at a place, with fold and seed."""
    runs = found.runs[found.runs["task"] == task]
    table = found.predictions.merge(runs[["run", "fold", "seed"]], on="run")
    return table[(table["stage"] == stage) & (table["place"] == place)]


def jackknife(value: float, replicates: list[float]) -> tuple[float, float]:
    n = len(replicates)
    spread = np.sqrt((n - 1) * np.var(replicates))
    reach = t.ppf(0.975, n - 1) * spread
    return value - reach, value + reach


def test_scores_are_those_of_each_run(logs: Path) -> None:
    check_findings(logs / "classes" / "version_3")
    check_findings(logs / "values" / "version_1")


@pytest.mark.parametrize("name", OF_CLASSES)
def test_the_view_of_classes_is_scikit_learn_s(found: Findings, name: str) -> None:
    table, score = clips(found, "given", "target", "target"), OF_CLASSES[name]

    def pooled(rows: pd.DataFrame) -> float:
        each = [score(s["true"], s["predicted"]) for _, s in rows.groupby("seed")]
        return float(np.mean(each))

    one = row(found.folds, task="given", stage="target", place="target", score=name)
    value = pooled(table)
    assert one["value"] == pytest.approx(value)
    by_fold = [pooled(rows) for _, rows in table.groupby("fold")]
    assert one["fold_mean"] == pytest.approx(np.mean(by_fold))
    assert one["fold_sd"] == pytest.approx(np.std(by_fold, ddof=1))
    ends = []
    for unit in ("group", "fold"):
        without = [pooled(table[table[unit] != u]) for u in table[unit].unique()]
        ends.append(jackknife(value, without))
    low, high = max(ends, key=lambda pair: pair[1] - pair[0])
    assert (one["low"], one["high"]) == pytest.approx((max(low, 0), min(high, 1)))
    assert (one["clips"], one["units"]) == (64, 8)
    assert (one["folds"], one["seeds"]) == (4, 2)
    assert one["runs"] == tuple(f"classes/version_{k}" for k in range(8))
    matrix = found.confusions[one["condition"], "target", "target"]
    expected = confusion_matrix(table["true"], table["predicted"], labels=CLASSES)
    assert (matrix.to_numpy() == expected).all()


def test_the_view_of_values_is_of_the_clips_of_all_folds(found: Findings) -> None:
    table = clips(found, "valence_arousal", "source", "target")

    def pooled(rows: pd.DataFrame) -> float:
        pairs = [
            (rows[f"{name}_true"], rows[f"{name}_predicted"])
            for name in ("valence", "arousal")
        ]
        return float(np.mean([concordance(*pair) for pair in pairs]))

    place = {"task": "valence_arousal", "stage": "source", "place": "target"}
    one = row(found.folds, **place, score="CCC")
    assert one["value"] == pytest.approx(pooled(table), abs=1e-6)
    by_fold = [pooled(rows) for _, rows in table.groupby("fold")]
    assert one["fold_mean"] == pytest.approx(np.mean(by_fold), abs=1e-6)
    error = table["valence_true"] - table["valence_predicted"]
    rmse = row(found.folds, **place, score="RMSE/valence")
    assert rmse["value"] == pytest.approx(np.sqrt((error**2).mean()), abs=1e-6)
    assert not any(key[0] == one["condition"] for key in found.confusions)


def test_tests_are_of_the_difference_over_folds(found: Findings) -> None:
    before, after = (
        clips(found, "given", stage, "target") for stage in ("target_only", "target")
    )
    for name, score in OF_CLASSES.items():

        def pooled(rows: pd.DataFrame, score: Any = score) -> float:
            each = [score(s["true"], s["predicted"]) for _, s in rows.groupby("seed")]
            return float(np.mean(each))

        one = row(found.tests, task="given", what="gain", score=name)
        assert (one["stage"], one["than"]) == ("target", "target_only")
        value = pooled(after) - pooled(before)
        without = [
            pooled(after[after["fold"] != f]) - pooled(before[before["fold"] != f])
            for f in range(4)
        ]
        assert one["difference"] == pytest.approx(value)
        low, high = jackknife(value, without)
        assert (one["low"], one["high"]) == pytest.approx((low, high))
        error = (high - value) / t.ppf(0.975, 3)
        assert one["p"] == pytest.approx(2 * t.sf(abs(value) / error, 3))


def test_stages_are_compared_with_those_that_say_something(found: Findings) -> None:
    kinds = found.tests.drop_duplicates(["task", "what", "stage", "than", "place"])
    named = kinds[["what", "stage", "than", "place"]].drop_duplicates()
    assert set(named.itertuples(index=False, name=None)) == {
        ("gain", "target", "target_only", "target"),
        ("zero-shot", "source", "target_only", "target"),
        ("kept", "target", "source", "source"),
    }
    assert len(kinds) == 6


def test_q_is_corrected_within_a_table(tmp_path: Path) -> None:
    for number in range(3):  # by hand: m p / rank, not above the next one
        skill = {"target": 0.5 + number / 5}
        one = MadeUp(settings={"model.lr": number}, skill=skill)
        write_folds(tmp_path / f"{number}", one)
    tests = findings_of([tmp_path]).tests
    emotions = tests["score"].str.startswith("recall/")
    for table, count in ((tests["score"] == "UA", 3), (emotions, 9)):
        some = tests[table & (tests["what"] == "gain")].sort_values("p")
        assert len(some) == count
        raw = some["p"] * count / np.arange(1, count + 1)
        expected = raw[::-1].cummin()[::-1]
        assert some["q"].to_numpy() == pytest.approx(expected.to_numpy())


def test_target_only_may_be_a_run_of_its_own(tmp_path: Path) -> None:
    alone, rest = {"target_only": GAIN["target_only"]}, {"joint": dict(GAIN["source"])}
    rest["joint"]["data"] = ["source", "target"]
    write_folds(tmp_path / "alone", MadeUp(stages=alone))
    write_folds(tmp_path / "joint", MadeUp(stages=rest), seeds=(0, 1))
    other = MadeUp(stages=alone, settings={"model.lr": 0.5})
    write_folds(tmp_path / "other", other)
    one = row(findings_of([tmp_path]).tests, score="UA")
    assert (one["what"], one["stage"], one["than"]) == ("joint", "joint", "target_only")
    # seed 1 has no counterpart, and other's rate is another
    assert (one["seeds"], one["folds"]) == (1, 4)
    assert set(one["runs"]) >= {f"alone/version_{k}" for k in range(4)}
    assert not any(name.startswith("other") for name in one["runs"])


def test_uneven_folds_weigh_alike(tmp_path: Path) -> None:
    # Of six units fold 0 tests four, as the others have one each.
    for fold, units in enumerate(((0, 3, 6, 9), (1,), (2,))):
        folder = write_run(
            tmp_path / f"version_{fold}", MadeUp(fold=fold, folds=3, units=12)
        )
        for name in ("predictions.csv", "split.csv"):
            table = pd.read_csv(folder / name)
            tested = table["group"].isin([f"unit/{u:02d}" for u in units])
            if "part" in table:
                tested |= table["part"] == "train"
            table[tested].to_csv(folder / name, index=False)
        content = json.loads((folder / "results.json").read_text())
        for test in content["stages"].values():
            for scores in test["scores"].values():
                scores["n"] = 8 * len(units)
        (folder / "results.json").write_text(json.dumps(content))
    found = findings_of([tmp_path])
    one = row(found.tests, what="gain", score="WA")
    scores = found.scores[
        (found.scores["score"] == "WA") & (found.scores["place"] == "target")
    ].pivot_table(index="run", columns="stage", values="value")
    differences = scores["target"] - scores["target_only"]
    expected = ttest_1samp(differences, 0)
    assert one["averaged"] == "folds"
    assert one["difference"] == pytest.approx(differences.mean())
    assert one["p"] == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (one["low"], one["high"]) == pytest.approx((interval.low, interval.high))


def test_a_role_of_several_corpora_has_places_for_each(tmp_path: Path) -> None:
    several = {"source": ("talk", "play"), "target": ("song",)}
    write_folds(tmp_path, MadeUp(corpora=several))
    found = findings_of([tmp_path])
    places = ["source", "source/talk", "source/play", "target"]
    assert list(found.folds["place"].unique()) == places
    assert set(found.folds["source"]) == {"talk + play"}
    one = row(found.folds, stage="source", place="source/play", score="WA")
    table = found.predictions.query("stage == 'source' and corpus == 'play'")
    assert one["value"] == pytest.approx((table["true"] == table["predicted"]).mean())
    kept = found.tests[(found.tests["what"] == "kept") & (found.tests["score"] == "UA")]
    assert list(kept["place"]) == places[:3]


def test_one_fold_has_no_test_and_two_units_no_interval(tmp_path: Path) -> None:
    write_run(tmp_path / "version_0", MadeUp())
    found = findings_of([tmp_path])
    for table in (found.folds, found.tests):
        assert table[["low", "high"]].isna().all(axis=None)
    assert found.tests[["p", "q"]].isna().all(axis=None)
    assert found.folds["fold_sd"].isna().all()
    assert not found.tests["difference"].isna().any()


def test_marks_of_leaks_are_carried(tmp_path: Path) -> None:
    write_folds(tmp_path, MadeUp())
    path = tmp_path / "version_2" / "results.json"
    content = json.loads(path.read_text())
    content["stages"]["source"]["leak"] = "LEAK: unit/02 was heard"
    path.write_text(json.dumps(content))
    found = findings_of([tmp_path])
    for table in (found.folds, found.tests):
        marked = table["leak"] == "LEAK: unit/02 was heard"
        involved = table["stage"] == "source"
        if "than" in table:
            involved |= table["than"] == "source"
        assert (marked == involved).all()
        assert (table.loc[~involved, "leak"] == "").all()
    scores = found.scores[found.scores["leak"] != ""]
    assert set(scores["run"]) == {"version_2"}


def test_a_place_says_itself_whether_it_leaks(tmp_path: Path) -> None:
    write_folds(tmp_path, MadeUp())
    for path in tmp_path.glob("*/results.json"):
        content = json.loads(path.read_text())
        for test in content["stages"].values():
            test["leak"] = "LEAK: fine-tuned on talk"
            test["scores"]["source"]["leak"] = test["leak"]
            test["scores"]["target"]["leak"] = ""
        path.write_text(json.dumps(content))
    found = findings_of([tmp_path])
    for table in (found.folds, found.tests, found.scores, found.certainty):
        assert set(table["place"]) == {"source", "target"}
        assert ((table["leak"] != "") == (table["place"] == "source")).all()


def test_nothing_spread_is_no_certainty(tmp_path: Path) -> None:
    write_folds(tmp_path, MadeUp(skill={"target": 1.0, "target_only": 1.0}))
    found = findings_of([tmp_path])
    gains = found.tests[found.tests["what"] == "gain"]
    assert (gains["p"] == 1).all()
    path = tmp_path / "version_0" / "predictions.csv"
    for path in tmp_path.glob("*/predictions.csv"):
        table = pd.read_csv(path)
        other = table["true"].map(dict(zip(CLASSES, np.roll(CLASSES, 1), strict=True)))
        alone = table["stage"] == "target_only"
        table.loc[alone, "predicted"] = other[alone]
        table.to_csv(path, index=False)
    one = row(findings_of([tmp_path]).tests, what="gain", score="UA")
    assert one["difference"] == 1
    assert one["p"] == 2 / 2**4  # all four folds one way or all the other


def test_a_grid_lists_every_run_and_counts_those_that_are_done(tmp_path: Path) -> None:
    runs: dict[str, MadeUp | str | None] = {
        f"fold{fold}": MadeUp(fold=fold) for fold in range(3)
    }
    runs |= {"bad": "Out of memory: use a smaller batch.", "cut": "", "never": None}
    write_grid(tmp_path, "paper", runs)
    found = findings_of([tmp_path / "paper"])
    states = dict(zip(found.runs["run"], found.runs["state"], strict=True))
    assert states == {
        **dict.fromkeys(("fold0", "fold1", "fold2"), "done"),
        **{"bad": "failed", "cut": "running", "never": "missing"},
    }
    reasons = dict(found.exclusions.itertuples(index=False, name=None))
    assert list(reasons) == ["bad", "cut", "never"]
    assert reasons["bad"] == "failed: Out of memory: use a smaller batch."
    assert reasons["cut"].startswith("unfinished")
    assert found.runs["folder"].iloc[0].endswith(os.path.join("fold0", "version_1"))
    assert list(found.runs["seconds"].iloc[:3]) == [7.5] * 3
    assert set(found.folds["folds"]) == {3}


def test_two_ways_to_a_run_count_it_once(tmp_path: Path) -> None:
    runs = {f"fold{fold}": MadeUp(fold=fold) for fold in range(4)}
    write_grid(tmp_path, "one", runs)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "grid.json").write_text(
        (tmp_path / "one" / "grid.json").read_text()  # and no links
    )
    (tmp_path / "here").symlink_to(tmp_path)  # round in a circle
    for paths in (
        [tmp_path],
        [tmp_path / "one", tmp_path / "runs"],
        [tmp_path / "two"],
    ):
        found = findings_of(paths)
        assert list(found.runs["run"]) == list(runs)
        assert not len(found.exclusions)
        assert set(found.folds["clips"]) == {64}


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for place in ("one", "two"):
        write_run(tmp_path / place / "version_0", MadeUp(seed=len(place)))
        write_run(tmp_path / place / "version_1", MadeUp(seed=9))
    names = findings_of([tmp_path / "one", tmp_path / "two"]).runs["run"]
    assert len(set(names)) == 4


@pytest.mark.parametrize("given", ["nothing", "empty", "file"])
def test_a_folder_without_runs_is_a_sentence(tmp_path: Path, given: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(CrossEmoError, match=given):
        findings_of([tmp_path / given])


def test_without_stages_the_frames_have_their_columns(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "version_0", MadeUp())
    (folder / "predictions.csv").unlink()
    found = findings_of([tmp_path])
    assert not len(found.folds)
    assert {"value", "low", "runs"} <= set(found.folds)
    assert {"difference", "q"} <= set(found.tests)
    assert CORPORA["source"] == ("talk",)
