"""Figures from plain arrays, for TensorBoard and for papers.

They are built on `matplotlib.figure.Figure`, never on pyplot, so drawing touches no
global state and needs no display.
"""

from collections.abc import Sequence
from math import ceil, floor, log2, log10
from pathlib import Path

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from crossemo.files import replacing
from crossemo.report.style import (
    BLUE,
    ORANGE,
    STATES,
    hide_frame,
    new_axes,
    set_title,
    tick_step,
)

# Inches. Tables of many cells grow, so that their text stays readable.
ROW_HEIGHT, CHARACTER_WIDTH, CELL_PADDING = 0.17, 0.088, 0.06
_REC709 = np.array([0.2126, 0.7152, 0.0722, 0.0])  # luminance of red, green and blue


def confusion_figure(matrix: ArrayLike, classes: Sequence[str], title: str) -> Figure:
    """Draw a confusion matrix: colours are shares of a row, numbers are clips.

    Args:
        matrix: `(classes, classes)` counts, rows are targets.
        classes: Class names in the order of their indices.
        title: Title of the figure.

    Raises:
        ValueError: `matrix` does not have one row and one column per class.

    >>> figure_to_tensor(confusion_figure([[3, 1], [0, 4]], ["sad", "happy"], "")).shape
    torch.Size([3, 432, 576])
    """
    counts = _table(matrix, classes, classes)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    text = [[f"{count:.0f}" for count in row] for row in counts]
    figure, axes = grid(shares, text, classes, classes, colormaps["Blues"], (0, 1))
    axes.set(xlabel="recognised as (colours: share of row)", ylabel="labelled")
    set_title(figure, title)
    return figure


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


def fad_heatmap(
    values: ArrayLike,
    row_names: Sequence[str],
    col_names: Sequence[str],
    row_title: str,
    col_title: str,
    title: str,
    ends: tuple[float, float] | None = None,
    insignificant: ArrayLike | None = None,
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
            farther apart than by chance: they are hatched, with slight numbers.

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
    figure, axes = grid(table, text, row_names, col_names, colours, ends)
    note = f"{col_title} (framed: nearest of row"
    if insignificant is not None and np.any(insignificant):
        _hatch_cells(axes, np.asarray(insignificant))
        note += ";\nhatched: not shown (p > .05)"
    axes.set(xlabel=f"{note})", ylabel=row_title)
    set_title(figure, title)
    for row, of_row in enumerate(table):
        if not np.isnan(of_row).all():
            axes.add_patch(_frame(row, int(np.nanargmin(of_row))))
    return figure


def figure_to_tensor(figure: Figure) -> Tensor:
    """Return a figure as `(3, height, width)` uint8, as `add_image` takes it."""
    canvas = figure.canvas
    if not isinstance(canvas, FigureCanvasAgg):
        canvas = FigureCanvasAgg(figure)
    if figure.stale:  # a figure that is saved and shown is drawn once
        canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure under a temporary name and rename it into place.

    Raises:
        OSError: The folder can't be written or the disk is full.
    """
    with replacing(path) as temporary:
        imsave(
            temporary, figure_to_tensor(figure).permute(1, 2, 0).numpy(), format="png"
        )


def grid(
    values: NDArray[np.float64],
    text: Sequence[Sequence[str]],
    row_names: Sequence[str],
    col_names: Sequence[str],
    colours: Colormap,
    ends: tuple[float, float],
) -> tuple[Figure, Axes]:
    """Draw a table: numbers on colours.

    Args:
        values: `(rows, columns)`, shown by the colours.
        text: Text of each cell.
        row_names: Names of the rows.
        col_names: Names of the columns.
        colours: The colours.
        ends: Values that get the first and the last colour.
    """
    longest = max(len(number) for row in text for number in row)
    column = CHARACTER_WIDTH * longest + CELL_PADDING
    figure, axes = new_axes(column * len(col_names), ROW_HEIGHT * len(row_names))
    low, high = ends
    # No colour bar: every cell has its number, and the space makes it readable.
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto")
    axes.set_xticks(range(len(col_names)), col_names, rotation=30, ha="right")
    axes.set_yticks(range(len(row_names)), row_names)
    for (i, j), luminance in np.ndenumerate(image.to_rgba(values) @ _REC709):
        ink = "black" if luminance > 0.5 else "white"
        number = axes.text(j, i, text[i][j], color=ink, ha="center", va="center")
        number.set(fontsize=9, fontweight="bold")
    return figure, axes


def _frame(row: int, column: int) -> Rectangle:
    """Return a frame around a cell; white on black shows on every colour."""
    corner = (column - 0.46, row - 0.46)
    edge = [withStroke(linewidth=3, foreground="black")]
    return Rectangle(
        corner, 0.92, 0.92, fill=False, edgecolor="white", lw=1.5, path_effects=edge
    )


def _hatch_cells(axes: Axes, cells: NDArray[np.bool_]) -> None:
    """Hatch the cells that are True, and make their numbers slight."""
    for row, column in np.argwhere(cells):
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(
            Rectangle(corner, 1, 1, fill=False, hatch="////", edgecolor="grey", lw=0)
        )
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
