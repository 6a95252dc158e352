import re
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from crossemo.report.tables import (
    reliability_table,
    results_table,
    show,
    similarity_table,
)

HEADING = ["stage", "role", "corpus", "UA [95 %]", "chance", "WA", "F1", "clips"]


def rendered(results: dict[str, Any], width: int = 140) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(results_table(results))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def rows(results: dict[str, Any]) -> list[list[str]]:
    """The cells of the table's rows, heading first."""
    lines = [line.strip() for line in rendered(results).splitlines()]
    cells = [re.split(r"\s{2,}", line) for line in lines]
    return [row for row in cells if len(row) > 1]


def scores(**changes: Any) -> dict[str, Any]:
    return {
        "UA": 0.61234,
        "UA_interval": [0.5, 0.70049],
        "UA_chance": [0.1, 0.2345],
        "WA": 0.6,
        "macro_F1": 0.5876,
        "recall/sad": 0.25,
        "n": 228,
        "loss": 1.1,
        **changes,
    }


def test_one_row_for_each_stage_and_role() -> None:
    results = {
        "stages": {
            "source": {
                "checkpoint": "source.ckpt",
                "scores": {"source": scores(), "target": scores(UA=1 / 6, n=96)},
            },
            "target": {"checkpoint": None, "scores": {"target": scores(WA=1.0)}},
        },
        "roles": {
            "source": {"corpus": "ravdess-speech", "domain": "speech"},
            "target": {"corpus": "ravdess-song", "domain": "music"},
        },
    }
    interval = "[50.0, 70.0]"
    speech, song = "ravdess-speech", "ravdess-song"
    assert rows(results) == [
        HEADING,
        ["source", "source", speech, f"61.2 {interval}", "23.4", "60.0", "58.8", "228"],
        ["source", "target", song, f"16.7 {interval}", "23.4", "60.0", "58.8", "96"],
        ["target", "target", song, f"61.2 {interval}", "23.4", "100.0", "58.8", "228"],
    ]


@pytest.mark.parametrize("absent", [None, float("nan")])
def test_what_is_missing_is_a_dash(absent: float | None) -> None:
    lean = {"UA": absent, "UA_interval": None, "WA": absent, "macro_F1": 0.5}
    results = {"stages": {"test": {"scores": {"speech": lean}}}}
    assert rows(results)[1:] == [["test", "speech", *"----", "50.0", "-"]]


def test_a_run_without_a_test_is_an_empty_table() -> None:
    assert rows({"stages": {}}) == [HEADING]


def test_names_are_no_markup() -> None:
    results = {"stages": {"[red]": {"scores": {"[b]x[/b]": scores()}}}}
    assert rows(results)[1][:2] == ["[red]", "[b]x[/b]"]


def test_it_says_what_the_numbers_are() -> None:
    results = {"stages": {"test": {"scores": {"speech": scores()}}}}
    assert "per cent; chance: the UA that guessing" in rendered(results)


def test_a_second_table_says_how_reliable_a_model_is() -> None:
    full: dict[str, Any] = {
        "ECE": 0.254,
        "ECE_calibrated": 0.1249,
        "unfamiliar": 0.0375,
    }
    full |= {"unfamiliar_interval": [0.0, 0.71], "unfamiliar_interval_unit": "clip"}
    judged = {"UA": 0.5, "ECE": 0.254}  # of a model of others
    places = {"scores": {"speech": full, "song": judged, "music": {"UA": 0.5}}}
    table = reliability_table({"stages": {"both": places}})
    assert table is not None
    cells = [[str(cell) for cell in column.cells] for column in table.columns]
    assert list(zip(*cells, strict=True)) == [
        ("both", "speech", "-", "25.4", "12.5", "3.8 [0.0, 71.0]*"),
        ("both", "song", "-", "25.4", "-", "-"),
    ]
    assert reliability_table({"stages": {"both": {"scores": {"song": {}}}}}) is None


def test_it_fits_a_terminal_of_80_columns() -> None:
    results = {
        "stages": {"source": {"scores": {"source": scores(WA=1.0, n=1248)}}},
        "roles": {"source": {"corpus": "ravdess-speech"}},
    }
    line = next(row for row in rendered(results, 80).splitlines() if "61.2" in row)
    assert "ravdess-speech" in line
    assert line.split()[-1] == "1248"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_words_and_numbers_stay_whole_at_any_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    full = {"UA": 1.0, "UA_interval": [0.999, 1.0], "UA_chance": [0, 1.0], "WA": 1.0}
    results = {
        "stages": {"target_only": {"scores": {"target": scores(**full, n=10432)}}},
        "roles": {"target": {"corpus": "memo2496-song-annotations"}},
    }
    row = {"layer": "mixture", "value": -12.345, "low": -23.456, "high": 43.2, "p": 0.5}
    measures = [
        row | {"estimator": estimator, "measure": measure}
        for estimator in ("kernel", "fad_above_chance")
        for measure in ("same_emotion_distance", "nearest_emotion")
    ]
    show(results_table(results))
    show(similarity_table(measures))
    text = capsys.readouterr().out
    words = ["target_only", "target", "memo2496-song-", "annotations", *HEADING[:3]]
    numbers = ["100.0 [99.9, 100.0]", "10432", "-12.345 [-23.456, 43.200]", "-1234.5"]
    for whole in [*words, *numbers, "kernel", "layer", "mix"]:
        assert re.search(rf"(^|\s){re.escape(whole)}($|\s)", text, re.MULTILINE), whole
    assert "…" not in text
