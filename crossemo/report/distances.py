"""Figures of the distances between two domains."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crossemo.report.distance_tables import ALPHA, DistanceTables, Rows
from crossemo.report.study import Study, after
from crossemo.report.style import (
    BLUE,
    DPI,
    GREY,
    HEIGHT,
    ORANGE,
    STATES,
    WIDTH,
    hide_frame,
    legend_below,
    name_ticks,
    new_axes,
    set_title,
    styled,
    tick_step,
)

PLAIN, ABOVE, MEANS = "fad", "fad_above_chance", "fad_mean_above_chance"
TITLES = {
    PLAIN: "FAD",
    ABOVE: "FAD above chance",
    "kernel": "Kernel distance",
}
UNITS = {
    PLAIN: "FAD / mean trace",
    ABOVE: "FAD / mean trace",
    "kernel": "kernel distance",
}


def distance_figures(
    rows: Rows,
    measures: Rows,
    stage: str,
    emotions: Sequence[str],
    study: Study | None = None,
) -> dict[str, Figure]:
    """Return the figures of one stage, by tag.

    A heat map of the last state that was measured (the learnt mixture, where it is
    among them) for the plain distance, the one above chance and the kernel's; all
    states at a glance; and over the states, how far the domains lie apart, how often
    the nearest emotion is the same, and how unequal the distances of the emotions are.
    What no test has shown is crossed or hollow.

    Args:
        rows: All rows of `fad.csv` so far.
        measures: All rows of `similarity.csv` so far.
        stage: Which stage to draw.
        emotions: Names of the emotions.
        study: Encoder and corpora, for titles.
    """
    of_stage = [row for row in rows if row["stage"] == stage]
    clips = [row for row in of_stage if row["unit"] == "clip"]
    stage_rows = clips or of_stage
    if not stage_rows:
        return {}
    study = study or Study()
    end = _Titles(study, stage_rows, after(stage, study))
    figures = _table_figures(stage_rows, emotions, end)
    measures = [row for row in measures if row["stage"] == stage]
    distance = _Curve(measures, "same_emotion_distance")
    if len(distance.layers) > 1 and np.isfinite(distance.value).any():
        title = end.title("Distance over layers")
        figures["fad_over_layers"] = distance_over_layers(measures, title)
        title = end.title("Emotions over layers")
        figures["emotions_over_layers"] = emotions_over_layers(measures, title)
    return figures


class _Titles:
    """What titles of distances end in.

    Args:
        study: Encoder and corpora.
        rows: Rows of `fad.csv` of two domains.
        after: Which stage is shown.
    """

    def __init__(self, study: Study, rows: Rows, after: str) -> None:
        self.study, self._after = study, after
        first = next((r for r in rows if r["x_domain"] != r["y_domain"]), rows[0])
        self._clips: dict[str, int] = {}
        for side in ("x", "y"):
            cells = {
                row[f"{side}_emotion"]: int(row.get(f"{side}_n", 0))
                for row in rows
                if (row["x_domain"], row["y_domain"])
                == (first["x_domain"], first["y_domain"])
            }
            self._clips[first[f"{side}_domain"]] = sum(cells.values())

    def title(self, what: str) -> str:
        """Return a title."""
        return self.study.title(what + self._after, self._clips)


def _table_figures(
    rows: Rows, emotions: Sequence[str], end: _Titles
) -> dict[str, Figure]:
    """Return the heat maps of one stage.

    Args:
        rows: Rows of `fad.csv` of the stage, of clips or of frames.
        emotions: Names of the emotions.
        end: Ends of the titles.
    """
    layers = list(dict.fromkeys(row["layer"] for row in rows))
    last = layers[-1]
    figures = {}
    for estimator, title in TITLES.items():
        tables = DistanceTables(rows, estimator, emotions, end.study)
        tested = ABOVE if estimator == PLAIN else estimator
        insignificant = DistanceTables(rows, tested, emotions).insignificant(last)
        if not np.isfinite(tables.values(last)).any():
            continue
        name = end.title(f"{title}, {_state(last)}")
        figures[estimator] = tables.heatmap(last, name, insignificant, UNITS[estimator])
        if estimator == ABOVE and len(layers) > 1:
            figures["fad_layers"] = tables.small_multiples(
                layers, end.title(title), UNITS[estimator]
            )
    return figures


@styled()
def distance_over_layers(measures: Rows, title: str = "") -> Figure:
    """Draw how far domains lie apart in each state, with the bands of their intervals.

    One line is the mean distance of the same emotion, the other that of different
    ones. Hollow points no test has shown.

    Args:
        measures: Rows of `similarity.csv` of one stage.
        title: The title.
    """
    figure, axes = new_axes()
    same = _Curve(measures, "same_emotion_distance")
    gap = _Curve(measures, "same_emotion_gap")
    places = np.arange(len(same.layers))
    same.draw(axes, places, BLUE, "same emotion")
    axes.plot(places, same.value + gap.value, "s--", color=ORANGE, ms=3, lw=2)
    axes.lines[-1].set_label("another emotion")
    ends = (same.value + gap.low, same.value + gap.high)  # of what it has more
    axes.fill_between(places, *ends, color=ORANGE, alpha=0.15, lw=0)
    axes.axhline(0, color=GREY, linestyle=":", linewidth=2, label="chance")
    _layer_axis(axes, same.layers)
    axes.set_ylabel("FAD above chance /\nmean trace")
    _explain_hollow(axes)
    legend_below(figure, 3)
    set_title(figure, title)
    return figure


@styled()
def emotions_over_layers(measures: Rows, title: str = "") -> Figure:
    """Draw how often the nearest emotion is the same, and how unequal distances are.

    Args:
        measures: Rows of `similarity.csv` of one stage.
        title: The title.
    """
    nearest = _Curve(measures, "nearest_emotion")
    variance = _Curve(measures, "emotion_variance", MEANS)
    variance.p = _Curve(measures, "emotion_dependence", MEANS).p
    panels = 2 if np.isfinite(variance.value).any() else 1
    figure = Figure((WIDTH, (1 + panels) * HEIGHT / 2), dpi=DPI, layout="constrained")
    upper, *lower = figure.subplots(panels, 1, sharex=True, squeeze=False).flat
    places = np.arange(len(nearest.layers))
    upper.plot(places, 100 * nearest.value, "o-", color=BLUE, ms=3, lw=2)
    upper.axhline(100 * nearest.chance, color=GREY, linestyle=":", lw=2)
    upper.set(ylabel="nearest emotion\nis the same, %", ylim=(-5, 105))
    hide_frame(upper)
    for axes in lower:
        variance.draw(axes, places, ORANGE, "variance")
        axes.axhline(0, color=GREY, linestyle=":", lw=2)
        axes.set(ylabel="variance over\nthe emotions")
    _layer_axis(figure.axes[-1], nearest.layers)
    _explain_hollow(figure.axes[-1], "dotted: chance")
    set_title(figure, title)
    return figure


class _Curve:
    """One measure over the layers."""

    def __init__(self, measures: Rows, name: str, estimator: str = ABOVE) -> None:
        rows = [
            row
            for row in measures
            if row["measure"] == name and row["estimator"] == estimator
        ]
        self.layers = [str(row["layer"]) for row in rows]
        self.value, self.low, self.high, self.p = (
            np.array([float(row[column]) for row in rows])
            for column in ("value", "low", "high", "p")
        )
        self.chance = float(rows[0]["chance"]) if rows else 0.0

    def draw(self, axes: Axes, places: NDArray[Any], colour: str, label: str) -> None:
        axes.plot(places, self.value, "o-", color=colour, ms=4, lw=2, label=label)
        hollow = ~(self.p <= ALPHA)
        axes.plot(places[hollow], self.value[hollow], "o", color="white", ms=2)
        axes.fill_between(places, self.low, self.high, color=colour, alpha=0.25, lw=0)


def _explain_hollow(axes: Axes, more: str = "") -> None:
    note = "; ".join(filter(None, ("hollow: not shown (p > .05)", more)))
    axes.set_xlabel(f"{axes.get_xlabel()}\n{note}")


def _state(layer: str) -> str:
    return layer if layer == "mixture" else f"layer {layer}"


def _layer_axis(axes: Axes, layers: Sequence[str]) -> None:
    step = tick_step(len(layers))
    names = [layer.replace("mixture", "mix") for layer in layers]
    name_ticks(axes.xaxis, names[::step], range(0, len(layers), step))
    axes.set_xlabel(STATES)
    hide_frame(axes)
