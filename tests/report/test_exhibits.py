from math import nan

import pytest
from pandas import DataFrame

from crossemo.report import by_emotion, two_stages
from crossemo.report.exhibits import estimate
from crossemo.report.study_rows import averaged, by_strategy, over_runs, told_apart
from tests.report.frames import STRATEGIES, Row, made_up_frames

HEAD: Row = {"study": "s", "encoder": "tiny", "source": "talk", "target": "song"}
HEAD |= {"task": "six", "leak": ""}


def score(
    condition: str, strategy: str, stage: str, value: float, **row: object
) -> Row:
    """A row of the cross-validation view."""
    of = {"condition": condition, "strategy": strategy, "stage": stage}
    ends = {"value": value, "low": value - 0.1, "high": value + 0.1}
    runs = {"runs": (f"{condition}_fold0", f"{condition}_fold1")}
    return (
        HEAD | of | {"place": "target", "score": "UA", "folds": 2} | ends | runs | row
    )


def gain(
    condition: str, strategy: str, difference: float, q: float, **row: object
) -> Row:
    of = {"condition": condition, "strategy": strategy, "what": "gain", "q": q}
    of |= {"stage": "target", "than": "target_only", "place": "target", "score": "UA"}
    ends = {"difference": difference, "low": nan, "high": nan}
    return HEAD | of | ends | {"runs": (f"{condition}_fold0",)} | row


def texts(frames: dict[str, DataFrame]) -> list[list[str]]:
    (exhibit,) = two_stages.section(frames).exhibits
    assert exhibit.table is not None
    rows = [[cell.text for cell in row] for row in exhibit.table.rows]
    return [list(exhibit.table.columns), *rows]


def test_two_stages_stand_side_by_side_as_in_a_paper() -> None:
    folds = [
        score("b", "PEFT", "target", 0.75),
        score("b", "PEFT", "target", 0.5, place="source"),
        score("b", "PEFT", "target", 0.1, score="WA"),
        score("b", "PEFT", "target", 0.2, place="target/one corpus of two"),
        score("b", "PEFT", "source", 0.4),
        score("b", "PEFT", "target_only", 0.7),
        score("j", "PEFT", "joint", 0.8, folds=3),
        score("a", "baseline", "target_only", 0.3, low=nan, high=nan),
        score("a", "baseline", "target", 0.2512, leak="seen clips"),
    ]
    tests = [
        gain("b", "PEFT", 0.05, 0.05, low=0.01, high=0.09),
        gain("b", "PEFT", 0.9, 0.01, score="WA"),
        gain("b", "PEFT", 0.9, 0.01, what="kept", place="source"),
        gain("b", "PEFT", 0.9, 0.01, place="target/one corpus of two"),
        gain("a", "baseline", -0.0488, 0.0501),
    ]
    assert texts({"folds": DataFrame(folds), "tests": DataFrame(tests)}) == [
        [
            *("strategy", "encoder", "target only", "zero-shot", "transfer", "gain"),
            *("q", "joint", "folds"),
        ],
        [
            *("baseline", "tiny", "30.0", "-", "25.1 [15.1, 35.1] LEAK", "-4.9"),
            *(".050", "-", "2"),
        ],
        [
            *("PEFT", "tiny", "70.0 [60.0, 80.0]", "40.0 [30.0, 50.0]"),
            *("75.0 [65.0, 85.0]", "+5.0 [+1.0, +9.0]*", ".050", "80.0 [70.0, 90.0]"),
            "2/3",
        ],
    ]


def test_conditions_that_differ_in_something_else_have_rows_of_their_own() -> None:
    folds = [
        score("first", "full", "target_only", 0.3),
        score("first", "full", "target", 0.4),
        score("second", "full", "target_only", 0.5),
        score("second", "full", "target", 0.6),
    ]
    tests = [gain("second", "full", 0.1, 0.2), gain("first", "full", 0.2, 0.3)]
    rows = texts({"folds": DataFrame(folds), "tests": DataFrame(tests)})[1:]
    assert [(row[0], row[2][:4], row[4]) for row in rows] == [
        ("full", "30.0", "+20.0"),
        ("full (second)", "50.0", "+10.0"),
    ]


def test_scores_of_values_are_no_per_cent() -> None:
    one = score("a", "full", "target", 0.614, score="CCC")
    other = score("a", "full", "target_only", 0.5, score="CCC")
    gained = gain("a", "full", 0.114, 0.01, score="CCC")
    rows = texts({"folds": DataFrame([one, other]), "tests": DataFrame([gained])})
    assert rows[1][2:6] == ["0.50 [0.40, 0.60]", "0.61 [0.51, 0.71]", "+0.11*", ".010"]


def test_emotions_have_columns_and_kinds_of_difference_rows() -> None:
    recalls = [
        gain("a", "full", 0.1, 0.2, score="recall/sad"),
        gain("a", "full", 0.2, 0.01, score="recall/calm"),
        gain("a", "full", -0.3, 0.04, score="recall/calm", what="kept", place="source"),
        gain("a", "full", 0.2, 0.01, score="recall/calm", what="joint"),
        gain("a", "full", 0.5, 0.5),
    ]
    (exhibit,) = by_emotion.section({"tests": DataFrame(recalls)}).exhibits
    assert exhibit.table is not None
    assert list(exhibit.table.columns)[3:] == ["sad", "calm"]
    assert [[cell.text for cell in row] for row in exhibit.table.rows] == [
        ["gain", "full", "tiny", "+10.0", "+20.0*"],
        ["kept", "full", "tiny", "-", "-30.0*"],
    ]


def test_means_over_runs_say_which_and_double_the_mean_p_of_several() -> None:
    rows = [
        {"run": "one", "layer": "0", "value": 1.0, "low": 0.0, "high": 3.0, "p": 0.02},
        {"run": "two", "layer": "0", "value": 2.0, "low": 1.0, "high": 5.0, "p": 0.04},
        {"run": "one", "layer": "1", "value": 7.0, "low": nan, "high": nan, "p": 0.02},
        {"run": "one", "layer": "2", "value": 7.0, "low": nan, "high": nan, "p": 0.9},
        {"run": "two", "layer": "2", "value": 9.0, "low": nan, "high": nan, "p": 0.8},
    ]
    means = over_runs(DataFrame(rows), ["layer"]).set_index("layer")
    assert means[["value", "low", "high"]].to_numpy()[0].tolist() == [1.5, 0.5, 4.0]
    assert means["p"].tolist() == pytest.approx([0.06, 0.02, 1.0])
    assert means["runs"].tolist() == [("one", "two"), ("one",), ("one", "two")]


def test_a_mean_value_without_any_number_is_none() -> None:
    row = {"score": "UA", "value": nan, "low": nan, "high": nan, "runs": ("a",)}
    assert estimate(row).text == "-"


def test_strategies_are_in_the_order_of_a_paper_and_others_behind() -> None:
    rows = DataFrame({"strategy": ["bitfit, 3", *STRATEGIES], "place": range(5)})
    assert by_strategy(rows)["strategy"].tolist() == [
        *("baseline", "weighted sum", "PEFT", "full", "bitfit, 3")
    ]


def test_what_bears_one_name_is_told_apart_only_where_it_meets() -> None:
    tests = [("a", "target"), ("b", "joint"), ("c", "target"), ("c", "joint")]
    tests += [("c", "source")]  # where it meets none, but keeps its name
    rows = DataFrame([score(one, "full", stage, 0.1) for one, stage in tests])
    assert told_apart(rows)["strategy"].tolist() == [
        *("full", "full", "full (c)", "full (c)", "full (c)")
    ]


def test_runs_that_repeat_others_may_have_the_distances() -> None:
    reasons = {"a": "repeated: b, which is newer", "c": "incomparable: other clips"}
    reasons["d"] = "incomplete: its settings have fold 0 only"
    exclusions = DataFrame(list(reasons.items()), columns=["run", "reason"])
    rows = averaged(DataFrame({"run": ["a", "b", "c", "d"]}), exclusions)
    assert rows["run"].tolist() == ["a", "b", "d"]


def test_a_study_without_any_of_it_has_no_exhibits() -> None:
    frames = {name: frame.iloc[:0] for name, frame in made_up_frames().items()}
    assert two_stages.section(frames).exhibits == []
    assert by_emotion.section(frames).exhibits == []
