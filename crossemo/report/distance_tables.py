"""Distances between the emotions of two domains, layer by layer, as heat maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crossemo.report.figures import fad_heatmap
from crossemo.report.study import Study
from crossemo.report.style import (
    DPI,
    OUTLINE,
    WIDTH,
    colour_bar,
    name_ticks,
    set_title,
    short_name,
    styled,
)

Rows = Sequence[Mapping[str, Any]]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ALPHA = 0.05  # below it a distance counts as shown


class DistanceTables:
    """Tables of one estimator between two domains, by layer.

    Args:
        rows: Rows of `fad.csv`.
        estimator: Name of the estimator.
        emotions: Names of the emotions.
        study: Names the domains.
    """

    def __init__(
        self,
        rows: Rows,
        estimator: str,
        emotions: Sequence[str],
        study: Study | None = None,
    ) -> None:
        self.emotions = list(emotions)
        self._study = study or Study()
        self._of_traces = estimator.startswith("fad")
        self._rows = [
            row
            for row in rows
            if row["estimator"] == estimator and row["x_domain"] != row["y_domain"]
        ]

    def values(self, layer: str) -> Floats:
        """Return `(x emotions, y emotions)` distances.

        Fréchet distances are in units of the layer's mean trace.
        """
        return self._column(layer, "by_trace" if self._of_traces else "value")

    def insignificant(self, layer: str) -> Bools:
        """Return which distances no test has shown, some for want of data."""
        p: Floats = self._column(layer, "p")
        return ~(p <= ALPHA)

    def heatmap(
        self, layer: str, title: str, insignificant: Bools, measure: str
    ) -> Figure:
        """Draw the distances of a layer, see `fad_heatmap`."""
        x, y = (
            short_name(self._study.name(self._rows[0][side]))
            for side in ("x_domain", "y_domain")
        )
        names = (self.emotions, self.emotions, x, y)
        return fad_heatmap(
            self.values(layer), *names, title, None, insignificant, measure
        )

    @styled()
    def small_multiples(
        self, layers: Sequence[str], title: str, measure: str
    ) -> Figure:
        """Draw all layers in the same colours; crosses are not shown."""
        columns = min(len(layers), 5)
        lines = -(-len(layers) // columns)
        size = (max(WIDTH, 1.1 * columns + 1.3), 1.1 * lines + 1.3)
        figure = Figure(size, dpi=DPI, layout="constrained")
        values = np.concatenate([self.values(layer) for layer in layers])
        ends = (np.nanmin(values), np.nanmax(values))
        grid = figure.subplots(lines, columns, squeeze=False)
        for axes in grid.flat[len(layers) :]:
            axes.set_axis_off()
        for place, (axes, layer) in enumerate(zip(grid.flat, layers, strict=False)):
            self._draw(axes, layer, ends)
            below = place + columns >= len(layers)
            axes.tick_params(labelleft=place % columns == 0, labelbottom=below)
        colour_bar(figure, list(grid.flat), measure, aspect=25)
        sides = [self._study.name(self._rows[0][n]) for n in ("y_domain", "x_domain")]
        note = "; x: not shown (p > .05)" * bool(self._crossed(layers))
        figure.supxlabel(f"{short_name(sides[0])}{note}", fontsize="medium")
        figure.supylabel(short_name(sides[1]), fontsize="medium")
        set_title(figure, title)
        return figure

    def _crossed(self, layers: Sequence[str]) -> bool:
        return any(self.insignificant(layer).any() for layer in layers)

    def _draw(self, axes: Axes, layer: str, ends: tuple[float, float]) -> None:
        low, high = ends
        axes.imshow(self.values(layer), cmap="cividis", vmin=low, vmax=high)
        crosses = np.argwhere(self.insignificant(layer))
        marks = axes.plot(*crosses.T[::-1], "x", color="white", ms=3, mew=1)
        marks[0].set_path_effects(list(OUTLINE))
        axes.set_title(layer, fontsize="small", pad=2)
        axes.set_facecolor("grey")
        axes.tick_params(length=0, pad=1, labelsize=6.5)
        name_ticks(axes.xaxis, self.emotions)
        name_ticks(axes.yaxis, self.emotions)
        axes.tick_params(axis="x", labelrotation=90)

    def _column(self, layer: str, column: str) -> Floats:
        """Return a column as a table."""
        place = {emotion: number for number, emotion in enumerate(self.emotions)}
        table = np.full((len(place), len(place)), np.nan)
        for row in self._rows:
            if row["layer"] == layer:
                cell = place[row["x_emotion"]], place[row["y_emotion"]]
                table[cell] = float(row[column])
        return table
