import re
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from crossemo.report.value_tables import value_comparisons_table, values_table

SCALE = {"low": 1, "high": 9, "middle": 5}
SCORES = {
    "CCC": 0.45678,
    "CCC_interval": [0.4, 0.51234],
    "CCC_interval_unit": "group",
    "CCC/valence": 0.3,
    "RMSE/valence": 0.25,
    "CCC/arousal": 0.61356,
    "RMSE/arousal": float("nan"),
    "n": 360,
}
RESULTS: dict[str, Any] = {
    "values": {"outputs": ["valence", "arousal"]},
    "roles": {"target": {"corpus": "deam", "scales": {"deam": SCALE}}},
    "stages": {"source": {"scores": {"target": SCORES}}},
    "comparisons": [
        {"what": "kept", "stage": "b", "than": "a", "role": "x"}
        | {"CCC": -0.0512, "CCC_interval": [-0.1, 0.01]}
    ],
}


def rows(table: Table) -> list[list[str]]:
    console = Console(file=StringIO(), width=140, color_system=None)
    console.print(table)
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    return [re.split(r"\s{2,}", line.strip()) for line in lines if line.strip()]


def test_scores_stand_by_their_outputs_and_scales() -> None:
    heading, _, row, *caption = rows(values_table(RESULTS))
    assert heading[3:] == ["CCC [95 %]", "valence", "RMSE", "arousal", "RMSE", "clips"]
    assert row[:3] == ["source", "target", "deam"]
    assert row[3:] == ["0.457 [0.400, 0.512]", "0.300", "0.250", "0.614", "-", "360"]
    assert "(deam 1 to 9 about 5)" in " ".join(cell for one in caption for cell in one)


def test_intervals_over_clips_and_leaks_are_marked() -> None:
    scores = SCORES | {"CCC_interval_unit": "clip"}
    test = {"scores": {"target": scores}, "leak": "seen"}
    row = rows(values_table(RESULTS | {"stages": {"source": test}}))[2]
    assert row[0] == "source (LEAK)"
    assert row[3] == "0.457 [0.400, 0.512]*"


def test_differences_are_no_per_cents() -> None:
    _, _, row, _ = rows(value_comparisons_table(RESULTS))
    assert row == ["kept", "b", "a", "x", "-0.051 [-0.100, +0.010]"]
