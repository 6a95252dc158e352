"""Figures of the distances between two domains."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crossemo.report.figures import (
    DPI,
    HEIGHT,
    WIDTH,
    fad_heatmap,
    new_axes,
    set_title,
)

Rows = Sequence[Mapping[str, Any]]
Floats = NDArray[np.float64]
PLAIN, ABOVE = "fad", "fad_above_chance"
TITLES = {PLAIN: "FAD / mean trace", ABOVE: "FAD above chance"}
_SPEECH, _SONG, _GREY = "#4477aa", "#ee7733", "#777777"


def distance_figures(
    rows: Rows, measures: Rows, stage: str, emotions: Sequence[str]
) -> dict[str, Figure]:
    """Return the figures of one stage, by tag.

    A heat map of the last state that was measured (the learnt mixture, where it is
    among them) for the plain distance and for the one above chance, in the colours of
    the first stage; all states at a glance; and over the states, how far the domains
    lie apart, how often the nearest emotion is the same, and the bias.

    Args:
        rows: All rows of `fad.csv` so far.
        measures: All rows of `similarity.csv` so far.
        stage: Which stage to draw.
        emotions: Names of the emotions.
    """
    clips = [row for row in rows if row["unit"] == "clip"]
    drawn = [row for row in clips if row["stage"] == stage] or [
        row for row in rows if row["stage"] == stage
    ]
    if not drawn:
        return {}
    layers = list(dict.fromkeys(row["layer"] for row in drawn))
    figures = {}
    for estimator, title in TITLES.items():
        table = _Tables(drawn, estimator, emotions)
        if not np.isfinite(table.values(layers[-1])).any():
            continue
        earlier = [row for row in rows if row["unit"] == drawn[0]["unit"]]
        first = _Tables(_of_first_stage(earlier), estimator, emotions)
        ends = first.ends(layers[-1]) or table.ends(layers[-1])
        name = f"{title}, {_named(layers[-1])}{_after(stage)}"
        above = _Tables(drawn, ABOVE, emotions)
        unsure = above.unsure(layers[-1])
        figures[estimator] = table.heatmap(layers[-1], name, ends, unsure)
        if estimator == ABOVE and len(layers) > 1:
            figures["fad_layers"] = table.small_multiples(layers, title + _after(stage))
    own = [row for row in measures if row["stage"] == stage]
    told = _Curve(own, "same_emotion_distance").value
    if len(layers) > 1 and np.isfinite(told).any():
        figures["fad_over_layers"] = distance_over_layers(own, _after(stage))
        figures["emotions_over_layers"] = emotions_over_layers(own, _after(stage))
    return figures


def distance_over_layers(measures: Rows, after: str = "") -> Figure:
    """Draw how far domains lie apart in each state, with the bands of their intervals.

    One line is the mean distance of the same emotion, the other that of different
    ones.

    Args:
        measures: Rows of `similarity.csv` of one stage.
        after: End of the title.
    """
    figure, axes = new_axes()
    same = _Curve(measures, "same_emotion_distance")
    gap = _Curve(measures, "same_emotion_gap")
    places = np.arange(len(same.layers))
    same.draw(axes, places, _SPEECH, "same emotion")
    axes.plot(places, same.value + gap.value, "s--", color=_SONG, ms=3, lw=2)
    axes.lines[-1].set_label("another emotion")
    ends = (same.value + gap.low, same.value + gap.high)  # of what it has more
    axes.fill_between(places, *ends, color=_SONG, alpha=0.15, lw=0)
    axes.axhline(0, color=_GREY, linestyle=":", linewidth=2, label="chance")
    _layer_axis(axes, same.layers)
    axes.set_ylabel("above chance / trace")
    _legend(figure)
    set_title(figure, f"distance of the domains{after}")
    return figure


def emotions_over_layers(measures: Rows, after: str = "") -> Figure:
    """Draw how often the nearest emotion is the same, and the emotion bias.

    Args:
        measures: Rows of `similarity.csv` of one stage.
        after: End of the title.
    """
    nearest = _Curve(measures, "nearest_emotion")
    bias = _Curve(measures, "emotion_bias")
    panels = 2 if np.isfinite(bias.value).any() else 1
    figure = Figure((WIDTH, (1 + panels) * HEIGHT / 2), dpi=DPI, layout="constrained")
    upper, *lower = figure.subplots(panels, 1, sharex=True, squeeze=False).flat
    places = np.arange(len(nearest.layers))
    upper.plot(places, 100 * nearest.value, "o-", color=_SPEECH, ms=3, lw=2)
    upper.axhline(100 * nearest.chance, color=_GREY, linestyle=":", lw=2)
    upper.set(ylabel="nearest is same, %", ylim=(-5, 105))
    upper.spines[["top", "right"]].set_visible(False)
    for axes in lower:
        bias.draw(axes, places, _SONG, "bias")
        axes.set(ylabel="emotion bias")
        axes.set_ylim(bottom=0)
    _layer_axis(figure.axes[-1], nearest.layers)
    set_title(figure, f"emotions over layers{after}")
    return figure


class _Tables:
    """Tables of one estimator between the two domains, by layer."""

    def __init__(self, rows: Rows, estimator: str, emotions: Sequence[str]) -> None:
        self.emotions = list(emotions)
        self._rows = [
            row
            for row in rows
            if row["estimator"] == estimator and row["x_domain"] != row["y_domain"]
        ]

    def values(self, layer: str) -> Floats:
        return self._of(layer, "value")

    def ends(self, layer: str) -> tuple[float, float] | None:
        values = self.values(layer)
        if not np.isfinite(values).any():
            return None
        return float(np.nanmin(values)), float(np.nanmax(values))

    def heatmap(
        self,
        layer: str,
        title: str,
        ends: tuple[float, float] | None,
        unsure: NDArray[np.bool_],
    ) -> Figure:
        x, y = (f"{self._rows[0][side]} emotion" for side in ("x_domain", "y_domain"))
        names = (self.emotions, self.emotions, x, y)
        return fad_heatmap(self.values(layer), *names, title, ends, unsure)

    def unsure(self, layer: str) -> NDArray[np.bool_]:
        """Return which cells are not shown to be above chance, for want of data too."""
        unshown: NDArray[np.bool_] = ~(self._of(layer, "low") > 0)
        return unshown

    def small_multiples(self, layers: Sequence[str], title: str) -> Figure:
        """Draw all states in the same colours; crosses are not shown above chance."""
        columns = min(len(layers), 5)
        lines = -(-len(layers) // columns)
        size = (1.1 * columns + 0.4, 1.2 * lines + 0.6)
        figure = Figure(size, dpi=DPI, layout="constrained")
        everything = np.concatenate([self.values(layer) for layer in layers])
        if not np.isfinite(everything).any():
            return figure
        low, high = np.nanmin(everything), np.nanmax(everything)
        grid = figure.subplots(lines, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, layer in zip(grid.flat, layers, strict=False):
            image = axes.imshow(self.values(layer), cmap="cividis", vmin=low, vmax=high)
            unsure = np.argwhere(self.unsure(layer))
            axes.plot(*unsure.T[::-1], "x", color="lightgrey", ms=3)
            axes.set_title(layer, fontsize="small", pad=2)
            axes.set_facecolor("grey")
        for place, axes in enumerate(grid.flat[: len(layers)]):
            axes.set_axis_on()
            initials = [emotion[:2] for emotion in self.emotions]
            axes.set_xticks(range(len(initials)), initials, fontsize=5)
            axes.set_yticks(range(len(initials)), initials, fontsize=5)
            axes.tick_params(length=0, pad=1, labelleft=place % columns == 0)
        bar = figure.colorbar(image, ax=grid, shrink=0.6, aspect=12)
        bar.ax.tick_params(labelsize="x-small")
        set_title(figure, f"{title} (x: not shown above 0)")
        return figure

    def _of(self, layer: str, column: str) -> Floats:
        """Return a column as a table, in units of the layer's mean trace."""
        table = np.full((len(self.emotions),) * 2, np.nan)
        for row in self._rows:
            if row["layer"] == layer and float(row["mean_trace"]) > 0:
                place = tuple(
                    self.emotions.index(row[side])
                    for side in ("x_emotion", "y_emotion")
                )
                table[place] = float(row[column]) / float(row["mean_trace"])
        return table


class _Curve:
    """One measure over the layers."""

    def __init__(self, measures: Rows, name: str) -> None:
        rows = [
            row
            for row in measures
            if row["measure"] == name and row["estimator"] == ABOVE
        ]
        self.layers = [str(row["layer"]) for row in rows]
        self.value, self.low, self.high = (
            np.array([float(row[column]) for row in rows])
            for column in ("value", "low", "high")
        )
        self.chance = float(rows[0]["chance"]) if rows else 0.0

    def draw(self, axes: Axes, places: NDArray[Any], colour: str, label: str) -> None:
        axes.plot(places, self.value, "o-", color=colour, ms=3, lw=2, label=label)
        axes.fill_between(places, self.low, self.high, color=colour, alpha=0.25, lw=0)


def _of_first_stage(rows: Rows) -> Rows:
    return [row for row in rows if row["stage"] == rows[0]["stage"]]


def _after(stage: str) -> str:
    """Return what a title says of the stage.

    >>> _after("target"), _after("before"), _after("test")
    (', stage target', ', before training', '')
    """
    if stage in ("test", "validate"):
        return ""
    return ", before training" if stage == "before" else f", stage {stage}"


def _named(layer: str) -> str:
    return layer if layer == "mixture" else f"layer {layer}"


def _layer_axis(axes: Axes, layers: Sequence[str]) -> None:
    step = 1 if len(layers) <= 15 else 2
    shown = [layer.replace("mixture", "mix") for layer in layers]
    axes.set_xticks(range(0, len(layers), step), shown[::step], fontsize="small")
    axes.set_xlabel("hidden state (0 enters the first block)")
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure) -> None:
    figure.legend(
        loc="outside lower center", ncols=3, frameon=False, fontsize="x-small"
    )
