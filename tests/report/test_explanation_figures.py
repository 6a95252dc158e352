from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from crossemo.report.explanation_figures import explanation_figures
from crossemo.report.saving import save_figure
from crossemo.studies.explanation import explain
from tests.studies.made_up_transfer import EMOTIONS, Plan, frames

STRENGTHS = np.array([0, 1, 4, 3, 2, 5]) / 5
# The later a hidden state, the more it shows of the cues that emotions share.
SHOWN = np.array([0.0, 0.5, 1.0])[:, None]
Table = list[dict[str, Any]]


def rows(plan: Plan) -> tuple[Table, Table]:
    both = explain(*frames(plan, 0.8 - 0.5 * SHOWN * STRENGTHS, 0.5 * STRENGTHS))
    tests, points = (table.to_dict("records") for table in both)
    return [*tests], [*points]  # type: ignore[list-item]


TESTS, POINTS = rows(Plan(layers=3, distance_noise=0.1))


def axes_of(tag: str, tests: Table = TESTS, points: Table = POINTS) -> Axes:
    (axes,) = explanation_figures(tests, points)[tag].axes
    return axes


def title_of(tests: Table = TESTS, points: Table = POINTS) -> str:
    return explanation_figures(tests, points)["explanation"].get_suptitle()


def test_emotions_lie_where_they_were_measured_in_the_best_layer(
    tmp_path: Path,
) -> None:
    layers = [row for row in TESTS if row["layer"] != "all"]
    best = min(layers, key=lambda row: float(row["rho"]))
    points = [row for row in POINTS if row["layer"] == best["layer"]]
    axes = axes_of("explanation")
    (dots,) = (line for line in axes.lines if line.get_marker() == "o")
    places = np.array([(row["distance"], 100 * row["gain"]) for row in points])
    assert dots.get_xydata() == pytest.approx(places)
    assert [text.get_text() for text in axes.texts] == list(EMOTIONS[:6])
    assert f"layer {best['layer']}: rho = -" in title_of()
    assert "demo-speech → demo-song (24 units, n=576)" in title_of()
    assert "same units" not in title_of()
    save_figure(explanation_figures(TESTS, POINTS)["explanation"], tmp_path, "one")
    assert (tmp_path / "figures" / "one.pdf").stat().st_size > 1000


def test_correlations_stand_over_the_layers_beside_what_chance_reaches() -> None:
    axes = axes_of("explanation_over_layers")
    *layers, best = TESTS
    line, hollow = axes.lines[:2]
    assert line.get_ydata() == pytest.approx(np.array([row["rho"] for row in layers]))
    shown = [row["rho"] <= best["chance_low"] for row in layers]
    assert any(shown)
    assert not all(shown)
    unshown = [number for number, one in enumerate(shown) if not one]
    assert hollow.get_xdata() == pytest.approx(np.array(unshown))
    (level,) = (one for one in axes.lines if one.get_linestyle() == "--")
    assert level.get_ydata() == pytest.approx(np.full(2, best["chance_low"]))
    (band,) = (one for one in axes.collections if isinstance(one, PolyCollection))
    drawn = np.asarray(band.get_paths()[0].vertices)[:, 1]
    ends = {round(row[end], 6) for row in layers for end in ("low", "high")}
    assert set(drawn.round(6).tolist()) == ends


def test_a_title_says_that_units_are_shared() -> None:
    assert "gain of the same units" in title_of(*rows(Plan(layers=3, part="all")))


def test_nothing_is_drawn_where_nothing_was_tested() -> None:
    distances, predictions, runs = frames(Plan(), STRENGTHS, STRENGTHS)
    none = explain(distances.iloc[:0], predictions, runs).tests.to_dict("records")
    assert explanation_figures(none, []) == {}  # type: ignore[arg-type]
    assert explanation_figures([], []) == {}
    one = [row for row in TESTS if row["layer"] in ("2", "all")]
    assert list(explanation_figures(one, POINTS)) == ["explanation"]
