"""The cross-validation view for the terminal."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from rich.table import Table
from rich.text import Text

from crossemo.data.marks import SIGNS
from crossemo.metrics.names import AGREEMENT
from crossemo.report.tables import broken, plain_table

Row = Mapping[str, Any]
RECALL = "recall/"
OF_VALUES = ("RMSE", "Pearson", "R2")
HEAD = ("encoder", "strategy", "source", "target", "task", "stage", "place")
ALWAYS = ("stage", "place")
COUNTS = ("clips", "units", "folds", "seeds")
CAPTION = (
    "mean over seeds of each score of the test clips of all folds together, with its "
    "95 % interval\n(the wider of those over units and over folds) ± standard "
    "deviation over folds; in per cent, but for scores of values"
)


def fold_tables(rows: Sequence[Row]) -> list[Table]:
    """Return a table of scores, and one of the recall of each class, if there are any.

    Args:
        rows: Rows of the cross-validation view, `Findings.folds`.
    """
    scores = list(dict.fromkeys(row["score"] for row in rows))
    recalls = [score for score in scores if score.startswith(RECALL)]
    others = [score for score in scores if score not in recalls]
    tables = ((others, CAPTION), (recalls, "recall of each class, likewise"))
    return [_table(rows, names, caption) for names, caption in tables if names]


def _table(rows: Sequence[Row], scores: Sequence[str], caption: str) -> Table:
    signed = any(str(row["encoder"]).endswith(tuple(SIGNS.values())) for row in rows)
    varied = [
        name
        for name in HEAD
        if name in ALWAYS
        or len({row[name] for row in rows}) > 1
        or (name == "encoder" and signed)
    ]
    table = plain_table(caption)
    for name in varied:
        table.add_column(name, no_wrap=True)
    for score in (*scores, *COUNTS):
        table.add_column(score.removeprefix(RECALL), justify="right", no_wrap=True)
    lines: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in rows:
        key = (row["condition"], *(str(row[name]) for name in varied))
        lines.setdefault(key, {})[row["score"]] = row
    for (_, *names), cells in lines.items():
        first = next(iter(cells.values()))
        counts = (Text(str(first[name])) for name in COUNTS)
        values = (Text(_cell(cells.get(score))) for score in scores)
        table.add_row(*map(broken, names), *values, *counts)
    return table


def _cell(row: Row | None) -> str:
    """Return a score, its interval and its deviation, as far as there are any."""
    if row is None or isnan(row["value"]):
        return "-"
    of_values = row["score"].partition("/")[0] in (AGREEMENT, *OF_VALUES)
    factor, form = (1, ".2f") if of_values else (100, ".1f")
    value, low, high, deviation = (
        format(factor * row[name], form) for name in ("value", "low", "high", "fold_sd")
    )
    ends = "" if isnan(row["low"]) else f" [{low}, {high}]"
    more = "" if isnan(row["fold_sd"]) else f" ± {deviation}"
    return f"{value}{ends}{more}{' LEAK' if row.get('leak') else ''}"
