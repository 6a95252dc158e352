"""Distances between the emotions of two domains, layer by layer, as heat maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crossemo.report.figures import fad_heatmap
from crossemo.report.style import DPI, set_title

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
    """

    def __init__(self, rows: Rows, estimator: str, emotions: Sequence[str]) -> None:
        self.emotions = list(emotions)
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

    def ends(self, layer: str) -> tuple[float, float] | None:
        """Return the smallest and the largest distance; None where there is none."""
        values = self.values(layer)
        if not np.isfinite(values).any():
            return None
        return float(np.nanmin(values)), float(np.nanmax(values))

    def heatmap(
        self,
        layer: str,
        title: str,
        ends: tuple[float, float] | None,
        insignificant: Bools,
    ) -> Figure:
        """Draw the distances of a layer, see `fad_heatmap`."""
        x, y = (f"{self._rows[0][side]} emotion" for side in ("x_domain", "y_domain"))
        names = (self.emotions, self.emotions, x, y)
        return fad_heatmap(self.values(layer), *names, title, ends, insignificant)

    def small_multiples(self, layers: Sequence[str], title: str) -> Figure:
        """Draw all layers in the same colours; crosses are not shown."""
        columns = min(len(layers), 5)
        lines = -(-len(layers) // columns)
        size = (1.1 * columns + 0.4, 1.2 * lines + 0.6)
        figure = Figure(size, dpi=DPI, layout="constrained")
        values = np.concatenate([self.values(layer) for layer in layers])
        if not np.isfinite(values).any():
            return figure
        ends = (np.nanmin(values), np.nanmax(values))
        grid = figure.subplots(lines, columns, squeeze=False)
        for axes in grid.flat[len(layers) :]:
            axes.set_axis_off()
        for place, (axes, layer) in enumerate(zip(grid.flat, layers, strict=False)):
            self._draw(axes, layer, ends)
            axes.tick_params(length=0, pad=1, labelleft=place % columns == 0)
        image = grid.flat[0].images[0]
        bar = figure.colorbar(image, ax=grid, shrink=0.6, aspect=12)
        bar.ax.tick_params(labelsize="x-small")
        set_title(figure, f"{title} (x: not shown, p > .05)")
        return figure

    def _draw(self, axes: Axes, layer: str, ends: tuple[float, float]) -> None:
        low, high = ends
        axes.imshow(self.values(layer), cmap="cividis", vmin=low, vmax=high)
        crosses = np.argwhere(self.insignificant(layer))
        axes.plot(*crosses.T[::-1], "x", color="lightgrey", ms=3)
        axes.set_title(layer, fontsize="small", pad=2)
        axes.set_facecolor("grey")
        initials = [emotion[:2] for emotion in self.emotions]
        axes.set_xticks(range(len(initials)), initials, fontsize=5)
        axes.set_yticks(range(len(initials)), initials, fontsize=5)

    def _column(self, layer: str, column: str) -> Floats:
        """Return a column as a table."""
        place = {emotion: number for number, emotion in enumerate(self.emotions)}
        table = np.full((len(place), len(place)), np.nan)
        for row in self._rows:
            if row["layer"] == layer:
                cell = place[row["x_emotion"]], place[row["y_emotion"]]
                table[cell] = float(row[column])
        return table
