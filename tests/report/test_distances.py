from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex

from crossemo.report.distances import (
    distance_figures,
    distance_over_layers,
    emotions_over_layers,
)

EMOTIONS = ("calm", "sad")


def rows(stage: str, values: list[float], scale: float, p: float = 0.01) -> list[Any]:
    """Rows of two layers and three estimators, for the four pairs of two emotions."""
    pairs = [(x, y) for x in EMOTIONS for y in EMOTIONS]
    return [
        {
            "stage": stage,
            "unit": "clip",
            "layer": layer,
            "x_domain": "speech",
            "y_domain": "song",
            "x_emotion": x,
            "x_n": 3 + EMOTIONS.index(x),
            "y_n": 5 + EMOTIONS.index(y),
            "y_emotion": y,
            "estimator": estimator,
            "value": value,
            "by_trace": (value - (estimator != "fad") * scale) / scale,
            "low": float("nan"),  # intervals say nothing of what is shown
            "p": p if estimator != "fad" and x == y else float("nan"),
        }
        for layer in ("0", "mixture")
        for estimator in ("fad", "fad_above_chance", "kernel")
        for (x, y), value in zip(pairs, values, strict=True)
    ]


def measures(stage: str, bias: float = 0.5) -> list[Any]:
    estimates = {
        "same_emotion_distance": (1.0, 0.5, 1.5),
        "same_emotion_gap": (2.0, 1.0, 3.0),
        "nearest_emotion": (0.75, float("nan"), float("nan")),
        "emotion_variance": (bias, -0.5, 1.0),
    }
    return [
        {
            "stage": stage,
            "layer": layer,
            "estimator": estimator,
            "measure": name,
            "value": value + (layer == "mixture"),
            "low": low,
            "high": high,
            "p": 0.01 if layer == "0" else 0.06,
            "chance": 0.5,
        }
        for layer in ("0", "mixture")
        for estimator in ("fad_above_chance", "fad_mean_above_chance", "kernel")
        for name, (value, low, high) in estimates.items()
    ]


def image_of(figure: Any) -> Any:
    return np.asarray(figure.axes[0].images[0].get_array())


def test_stages_are_drawn_in_the_same_units_and_each_in_all_colours() -> None:
    # The second stage's embeddings are twice as large, nothing else.
    table = rows("source", [1.0, 2.0, 3.0, 4.0], 0.5)
    table += rows("target", [4.0, 8.0, 12.0, 16.0], 2.0)
    table += rows("third", [1.0, 2.0, 3.0, 9.0], 0.5)
    for tag, expected in (
        ("fad", [[2, 4], [6, 8]]),
        ("fad_above_chance", [[1, 3], [5, 7]]),
    ):
        for stage in ("source", "target", "third"):
            figure = distance_figures(table, [], stage, EMOTIONS)[tag]
            image = figure.axes[0].images[0]
            values = image_of(figure)
            assert image.get_clim() == (values.min(), values.max())
            if stage != "third":
                np.testing.assert_allclose(image_of(figure), expected)


def test_titles_and_axes_name_what_is_shown() -> None:
    for stage, end in (
        ("source", ", stage source"),
        ("before", ", before training"),
        ("test", ""),
    ):
        figures = distance_figures(
            rows(stage, [1.0, 2, 3, 4], 0.5), measures(stage), stage, EMOTIONS
        )
        assert list(figures) == [
            "fad",
            "fad_above_chance",
            "fad_layers",
            "kernel",
            "fad_over_layers",
            "emotions_over_layers",
        ]
        title, corpora = figures["fad"].get_suptitle().splitlines()
        assert title == f"FAD, mixture{end}"
        assert corpora == "speech (n=7), song (n=11)"  # of both emotions
        assert figures["fad"].axes[0].get_ylabel() == "speech"
        assert figures["fad"].axes[1].get_ylabel() == "FAD / mean trace"
        titles = [axes.get_title() for axes in figures["fad_layers"].axes]
        assert titles[:2] == ["0", "mixture"]


def test_cells_at_chance_look_different() -> None:
    table = rows("test", [1.0, 2, 3, 4], 0.5, p=0.05)
    for row in table:
        if row["x_emotion"] == row["y_emotion"] == "sad":
            row["p"] = 0.06
    figures = distance_figures(table, [], "test", EMOTIONS)
    for name in ("fad", "fad_above_chance", "kernel"):
        axes = figures[name].axes[0]
        (crosses,) = axes.lines
        places = np.round(np.asarray(crosses.get_xydata()))[:, ::-1]
        # One is not shown; of two more there is no test.
        assert places.tolist() == [[0, 1], [1, 0], [1, 1]]
        # White on black shows on every colour.
        assert to_hex(str(crosses.get_color())) == "#ffffff"
        assert crosses.get_path_effects()
        slight = {t.get_position() for t in axes.texts if t.get_fontstyle() == "italic"}
        assert slight == {(1, 0), (0, 1), (1, 1)}
        assert "x: not shown (p > .05)" in axes.get_xlabel()


def test_a_table_without_any_value_is_not_drawn() -> None:
    nan = float("nan")
    assert distance_figures(rows("test", [nan] * 4, 1.0), [], "test", EMOTIONS) == {}
    assert distance_figures([], [], "test", EMOTIONS) == {}


def test_lines_are_means_over_layers_with_bands() -> None:
    axes = distance_over_layers(measures("test")).axes[0]
    same, hollow, another, chance = axes.lines
    assert np.asarray(hollow.get_xdata()).tolist() == [1]  # p is above .05
    assert np.asarray(same.get_ydata()).tolist() == [1, 2]
    assert np.asarray(another.get_ydata()).tolist() == [3, 5]
    assert np.asarray(chance.get_ydata()).tolist() == [0, 0]
    band, other = axes.collections
    assert (other.get_paths()[0].get_extents().y1) == 5
    corners = band.get_paths()[0].get_extents()
    assert (corners.y0, corners.y1) == (0.5, 1.5)
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0", "mix"]


@pytest.mark.parametrize(("bias", "panels"), [(0.5, 2), (float("nan"), 1)])
def test_a_bias_without_a_value_has_no_panel(bias: float, panels: int) -> None:
    figure = emotions_over_layers(measures("test", bias))
    assert len(figure.axes) == panels
    nearest, chance = figure.axes[0].lines
    assert np.asarray(nearest.get_ydata()).tolist() == [75, 175]
    assert np.asarray(chance.get_ydata()).tolist() == [50, 50]
