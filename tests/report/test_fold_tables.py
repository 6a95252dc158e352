from math import nan
from typing import Any

from rich.console import Console

from crossemo.report.fold_tables import fold_tables


def row(**of: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        **{"condition": "c", "encoder": "tiny", "strategy": "baseline", "task": "four"},
        **{"source": "talk", "target": "song", "stage": "target", "place": "target"},
        **{"score": "UA", "value": 0.5, "low": 0.4, "high": 0.625, "fold_sd": 0.0714},
        **{"clips": 64, "units": 8, "folds": 4, "seeds": 2, "leak": ""},
    }
    return usual | of


def shown(rows: list[dict[str, Any]]) -> list[str]:
    console = Console(width=200)
    with console.capture() as capture:
        for table in fold_tables(rows):
            console.print(table)
    return [line.strip() for line in capture.get().splitlines()]


def test_shares_are_in_per_cent_and_recalls_stand_apart() -> None:
    lines = shown([row(), row(score="recall/sad", value=0.25, low=nan, fold_sd=nan)])
    (scores, recalls) = (line for line in lines if line.startswith("target"))
    assert "50.0 [40.0, 62.5] ± 7.1" in scores
    assert scores.split()[-4:] == ["64", "8", "4", "2"]
    assert "25.0" in recalls
    assert "[" not in recalls
    assert any(line.startswith("stage") and "sad" in line for line in lines)


def test_scores_of_values_are_on_their_own_scale() -> None:
    names = ("CCC", "CCC/valence", "RMSE/valence", "Pearson/valence", "R2/valence")
    (line,) = (
        line for line in shown([row(score=n) for n in names]) if "target" in line
    )
    assert line.count("0.50 [0.40, 0.62] ± 0.07") == len(names)


def test_what_differs_has_a_column_and_conditions_a_row_each() -> None:
    rows = [row(), row(condition="d"), row(condition="e", strategy="full", leak="LEAK")]
    lines = [line for line in shown(rows) if "target" in line]
    assert len(lines) == 3
    assert lines[2].startswith("full")
    assert "LEAK" in lines[2]
    assert "tiny" not in lines[0]
