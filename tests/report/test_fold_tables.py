import io
from math import nan
from typing import Any

from rich.console import Console

from crossemo.report.fold_tables import fold_tables


def row(score: str, value: float, **more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = dict.fromkeys(
        ("encoder", "strategy", "source", "target", "task"), "x"
    )
    counts = {"clips": 12, "units": 3, "folds": 2, "seeds": 1}
    ends = {"low": nan, "high": nan, "fold_sd": nan, "leak": ""}
    where = {"condition": "c", "stage": "joint", "place": "target"}
    return {**plain, **counts, **ends, **where, "score": score, "value": value, **more}


def printed(rows: list[dict[str, Any]]) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=300)
    for table in fold_tables(rows):
        console.print(table)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.split("  ") for line in text.splitlines()]


def cells(rows: list[dict[str, Any]]) -> list[list[str]]:
    lines = [[one.strip() for one in line if one.strip()] for line in printed(rows)]
    return [line for line in lines if len(line) > 1]


def test_scores_are_shown_with_intervals_and_deviations() -> None:
    ends = {"low": 0.4251, "high": 0.6, "fold_sd": 0.1}
    head, line = cells([row("UA", 0.5, **ends), row("WA", nan), row("macro_F1", 1.0)])
    counts = ["clips", "units", "folds", "seeds"]
    assert head == ["stage", "place", "UA", "WA", "macro_F1", *counts]
    values = ["50.0 [42.5, 60.0] ± 10.0", "-", "100.0"]
    assert line == ["joint", "target", *values, "12", "3", "2", "1"]


def test_agreement_is_no_share_and_leaks_are_marked() -> None:
    _, line = cells([row("CCC", -0.125, fold_sd=0.25, leak="LEAK, …")])
    assert line[2] in ("-0.12 ± 0.25 LEAK", "-0.13 ± 0.25 LEAK")


def test_recalls_and_what_varies_have_columns() -> None:
    rows = [
        row(score, value, encoder=encoder, condition=encoder)
        for encoder, value in (("a", 0.1), ("b", 0.2))
        for score in ("UA", "recall/sad", "recall/calm")
    ]
    first, *scores = cells(rows)
    assert first[:4] == ["encoder", "stage", "place", "UA"]
    assert [line[0] for line in scores] == ["a", "b", "encoder", "a", "b"]
    assert scores[2][3:5] == ["sad", "calm"]
    assert scores[4][3:5] == ["20.0", "20.0"]
