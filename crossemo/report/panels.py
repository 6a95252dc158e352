"""Figures of several panels: points with intervals, side by side by name."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from crossemo.report.style import (
    COLOURS,
    DPI,
    GREY,
    PAGE,
    hide_frame,
    name_ticks,
    set_title,
    short_name,
    styled,
)

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SPREAD = 0.7  # of the points of one name, of the room from one name to the next
SHOWN = "*"  # above what a test has shown
NOTE = "bars: 95 % intervals; *: q ≤ .05"


@styled()
def new_panels(
    rows: int,
    columns: Sequence[str],
    height: float,
    title: str,
    **shared: Any,  # noqa: ANN401
) -> tuple[Figure, Any]:
    """Return a figure as wide as a page and its panels, `(rows, columns)`.

    Args:
        rows: How many panels stand below each other.
        columns: Titles of the columns.
        height: Of a panel, in inches.
        title: The title.
        shared: Which axes panels share, as `Figure.subplots` has it.
    """
    figure = Figure((PAGE, rows * height + 1.0), dpi=DPI, layout="constrained")
    panels = figure.subplots(rows, len(columns), squeeze=False, **shared)
    for axes, name in zip(panels[0], columns, strict=True):
        axes.set_title(short_name(name, 100 // len(columns)), fontsize="medium")
    set_title(figure, title)
    return figure, panels


def draw_points(
    axes: Axes, rows: DataFrame, names: Sequence[str], of: str, series: Sequence[str]
) -> None:
    """Draw values with their intervals; the series of a name stand side by side.

    Args:
        axes: The axes.
        rows: `value`, `low`, `high`, `shown` (marked by a star), the column `of` with a
            name, and `series`.
        names: What stands along the axis.
        of: Column of these.
        series: Names of the series, in order, each with a colour and a mark.
    """
    styles = zip(series, cycle(COLOURS), cycle(MARKERS), strict=False)
    for number, (name, colour, marker) in enumerate(styles):
        points = rows[rows["series"] == name].drop_duplicates(of).set_index(of)
        points = points.reindex(list(names))
        shift = (number + 0.5) / len(series) - 0.5
        places = np.arange(len(names)) + SPREAD * shift
        value, low, high = (points[c].to_numpy(float) for c in ("value", "low", "high"))
        bars = np.nan_to_num(np.abs([value - low, high - value]))
        axes.errorbar(
            places, value, bars, fmt=marker, ms=3.5, lw=1.2, color=colour, label=name
        )
        for place, top, shown in zip(
            places, np.fmax(value, high), points["shown"], strict=True
        ):
            if shown is True:
                axes.annotate(
                    SHOWN,
                    (place, top),
                    (0, -1),
                    textcoords="offset points",
                    ha="center",
                )
    name_ticks(axes.xaxis, names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    hide_frame(axes)


def zero_line(axes: Axes, value: float = 0.0) -> None:
    """Draw the line of no difference, or of guessing."""
    axes.axhline(value, color=GREY, linestyle=":", lw=1.2, zorder=0)


def slant_names(axes: Axes) -> None:
    """Have names below an axis that might meet slant."""
    for tick in axes.get_xticklabels():
        tick.set(rotation=30, ha="right", rotation_mode="anchor")


def legend_of(
    figure: Figure, panels: Sequence[Axes], columns: int, note: str = ""
) -> None:
    """Put one legend of all panels below them, with a note above it.

    Args:
        figure: The figure.
        panels: Its panels.
        columns: Of the legend.
        note: What bars and marks mean.
    """
    handles: Mapping[str, Any] = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(),
        list(map(short_name, handles)),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize="small",
        title=note or None,
        title_fontsize="small",
    )
