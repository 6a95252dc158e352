"""Figures from plain arrays, for TensorBoard and for papers.

They are built on `matplotlib.figure.Figure`, never on pyplot, so drawing touches no
global state and needs no display.
"""

from collections.abc import Sequence
from math import ceil, floor, log2, log10

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from crossemo.report.style import (
    BLUE,
    MARGINS,
    ORANGE,
    OUTLINE,
    PAGE,
    STATES,
    WIDTH,
    colour_bar,
    hide_frame,
    name_ticks,
    new_axes,
    set_title,
    styled,
    tick_step,
    wrapped,
)

# Inches, those of a character for each point of its size. Tables of many cells grow,
# so that their text stays readable.
ROW_HEIGHT, CHARACTER_WIDTH, CELL_PADDING = 0.17, 0.0098, 0.04
NUMBER_SIZES = (9.0, 8.0, 7.0, 6.0)  # points, from the best
_REC709 = np.array([0.2126, 0.7152, 0.0722, 0.0])  # luminance of red, green and blue


@styled()
def confusion_figure(matrix: ArrayLike, classes: Sequence[str], title: str) -> Figure:
    """Draw a confusion matrix: colours are shares of a row, numbers are clips.

    Args:
        matrix: `(classes, classes)` counts, rows are targets.
        classes: Class names in the order of their indices.
        title: Title of the figure.

    Raises:
        ValueError: `matrix` does not have one row and one column per class.

    >>> confusion_figure([[3, 1], [0, 4]], ["sad", "happy"], "").axes[0].get_ylabel()
    'labelled'
    """
    counts = _table(matrix, classes, classes)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    text = [[f"{count:.0f}" for count in row] for row in counts]
    ends = (0.0, float(shares.max(initial=0.0)) or 1.0)
    names = (classes, classes)
    figure, axes = grid(shares, text, *names, colormaps["Blues"], ends, "share of row")
    axes.set(xlabel="recognised as", ylabel="labelled")
    set_title(figure, title)
    return figure


@styled()
def layer_weights_figure(weights: ArrayLike, title: str) -> Figure:
    """Draw the share of each hidden state in the layer mix.

    The axis ends at twice the uniform share or, where that is too little, at four
    times, eight times, and so on, so that the figures of one model compare by eye.

    Args:
        weights: `(layers + 1,)` shares that sum to one; state 0 enters the first block.
        title: Title of the figure.
    """
    shares = np.asarray(weights, dtype=np.float64)
    figure, axes = new_axes()
    layers = np.arange(len(shares))
    axes.bar(layers, shares, color=BLUE)
    uniform = 1 / len(shares)
    axes.axhline(uniform, color=ORANGE, linestyle="--", linewidth=2, label="uniform")
    axes.set(xlabel=STATES, ylabel="weight")
    axes.set_xticks(layers[:: tick_step(len(layers))])
    doublings = max(0, ceil(log2(shares.max() / uniform / 1.6)))  # of 2, a fifth free
    axes.set_ylim(0, uniform * 2 ** (1 + doublings))
    axes.locator_params(axis="y", nbins=5)
    axes.legend(frameon=False, loc="upper left")
    hide_frame(axes)
    set_title(figure, title)
    return figure


@styled()
def fad_heatmap(
    values: ArrayLike,
    row_names: Sequence[str],
    col_names: Sequence[str],
    row_title: str,
    col_title: str,
    title: str,
    ends: tuple[float, float] | None = None,
    insignificant: ArrayLike | None = None,
    measure: str = "distance",
) -> Figure:
    """Draw a table of distances; the smallest of each row is framed.

    Args:
        values: `(rows, columns)` distances; NaN where there is none, drawn grey.
        row_names: Names of the rows.
        col_names: Names of the columns.
        row_title: What the rows are.
        col_title: What the columns are.
        title: Title of the figure.
        ends: Distances that get the first and the last colour, so that figures
            compare; by default the smallest and the largest of `values`.
        insignificant: `(rows, columns)`, True for cells that are not shown to be
            farther apart than by chance: they are crossed, with slight numbers.
        measure: What the values are, for the colour bar.

    Raises:
        ValueError: The names don't fit the shape of `values`.
    """
    table = _table(values, row_names, col_names)
    distances = table[~np.isnan(table)]
    digits = _decimals(np.abs(distances).max(initial=0.0))
    if ends is None:
        ends = (distances.min(), distances.max()) if distances.size else (0.0, 1.0)
    text = [["-" if np.isnan(v) else f"{v:z.{digits}f}" for v in row] for row in table]
    colours = colormaps["cividis"].with_extremes(bad="lightgrey")
    names = (row_names, col_names)
    figure, axes = grid(table, text, *names, colours, ends, measure)
    note = "framed: nearest of row"
    if insignificant is not None and np.any(insignificant):
        _cross_cells(axes, np.asarray(insignificant))
        note += "; x: not shown (p > .05)"
    axes.set(xlabel=f"{wrapped(col_title, figure)}\n{note}", ylabel=row_title)
    set_title(figure, title)
    for row, of_row in enumerate(table):
        if not np.isnan(of_row).all():
            axes.add_patch(_frame(row, int(np.nanargmin(of_row))))
    return figure


def grid(
    values: NDArray[np.float64],
    text: Sequence[Sequence[str]],
    row_names: Sequence[str],
    col_names: Sequence[str],
    colours: Colormap,
    ends: tuple[float, float],
    measure: str,
) -> tuple[Figure, Axes]:
    """Draw a table: numbers on colours, and what the colours mean.

    Args:
        values: `(rows, columns)`, shown by the colours.
        text: Text of each cell.
        row_names: Names of the rows.
        col_names: Names of the columns.
        colours: The colours.
        ends: Values that get the first and the last colour.
        measure: What the values are.
    """
    longest = max(len(number) for row in text for number in row)
    size, width = _number_size(longest, len(col_names))
    figure, axes = new_axes(width, ROW_HEIGHT * len(row_names))
    low, high = ends
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto")
    colour_bar(figure, axes, measure)
    name_ticks(axes.xaxis, col_names)
    name_ticks(axes.yaxis, row_names)
    axes.tick_params(axis="x", labelrotation=30 if max(map(len, col_names)) > 2 else 0)
    for label in axes.get_xticklabels():
        label.set(
            ha="right" if label.get_rotation() else "center", rotation_mode="anchor"
        )
    for (i, j), luminance in np.ndenumerate(image.to_rgba(values) @ _REC709):
        ink = "black" if luminance > 0.5 else "white"
        number = axes.text(j, i, text[i][j], color=ink, ha="center", va="center")
        number.set(fontsize=size, fontweight="bold")
    return figure, axes


def _number_size(characters: int, columns: int) -> tuple[float, float]:
    """Return the size of a table's numbers in points, and its width in inches.

    As large as a column of a paper has room for, else as its page.

    >>> _number_size(2, 6)[0], _number_size(4, 13)[0]
    (9.0, 9.0)
    """
    for room in (WIDTH - MARGINS[0], PAGE - MARGINS[0]):
        for size in NUMBER_SIZES:
            width = columns * (CHARACTER_WIDTH * size * characters + CELL_PADDING)
            if width <= room:
                return size, width
    return size, width


def _frame(row: int, column: int) -> Rectangle:
    """Return a frame around a cell; white on black shows on every colour."""
    corner, edge = (column - 0.46, row - 0.46), list(OUTLINE)
    return Rectangle(
        corner, 0.92, 0.92, fill=False, edgecolor="white", lw=1.0, path_effects=edge
    )


def _cross_cells(axes: Axes, cells: NDArray[np.bool_]) -> None:
    """Put a cross into the corner of the cells that are True; make numbers slight."""
    rows, columns = np.nonzero(cells)
    crosses = axes.plot(columns + 0.4, rows - 0.34, "x", color="white", ms=2.4, mew=0.8)
    crosses[0].set_path_effects(list(OUTLINE))
    for number in axes.texts:
        column, row = map(int, number.get_position())
        if cells[row, column]:
            number.set(fontweight="normal", fontstyle="italic")


def _decimals(largest: float) -> int:
    """Return how many decimals give the largest value of a table three digits.

    >>> [_decimals(largest) for largest in (1234.0, 27.8, 0.5, 0.0)]
    [0, 1, 3, 0]
    """
    return max(0, 2 - floor(log10(largest))) if largest > 0 else 0


def _table(
    values: ArrayLike, row_names: Sequence[str], col_names: Sequence[str]
) -> NDArray[np.float64]:
    table = np.asarray(values, dtype=np.float64)
    if table.shape != (len(row_names), len(col_names)):
        raise ValueError(
            f"A table of shape {table.shape} does not fit {len(row_names)} row names "
            f"and {len(col_names)} column names."
        )
    return table
