"""Figures from plain arrays, for TensorBoard and for papers.

They are built on `matplotlib.figure.Figure`, never on pyplot, so drawing touches no
global state and needs no display.
"""

from collections.abc import Sequence
from math import floor, log10

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

WIDTH, HEIGHT, DPI = 6.0, 4.5, 100  # inches, inches, pixels per inch
# inches; tables of many cells grow, so that their text stays readable
ROW_HEIGHT, COLUMN_WIDTH = 0.26, 0.5
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
    torch.Size([3, 450, 600])
    """
    counts = _table(matrix, classes, classes)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    text = [[f"{count:.0f}" for count in row] for row in counts]
    figure, axes = _grid(shares, text, classes, classes, colormaps["Blues"], (0, 1))
    axes.set(xlabel="recognised as", ylabel="labelled", title=title)
    return figure


def layer_weights_figure(weights: ArrayLike) -> Figure:
    """Draw the share of each hidden state in the layer mix.

    Args:
        weights: `(layers + 1,)` shares that sum to one; state 0 enters the first block.
    """
    shares = np.asarray(weights, dtype=np.float64)
    figure, axes = _axes()
    layers = np.arange(len(shares))
    axes.bar(layers, shares, color="#4477aa")
    axes.axhline(1 / len(shares), color="black", linestyle="--", label="uniform")
    axes.set(xlabel="hidden state (0 enters the first block)", ylabel="weight")
    axes.set_xticks(layers[:: 1 if len(layers) <= 15 else 2])
    axes.set_ylim(0, max(1.25 * shares.max(), 1.6 / len(shares)))
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def fad_heatmap(
    values: ArrayLike,
    row_names: Sequence[str],
    col_names: Sequence[str],
    row_title: str,
    col_title: str,
    title: str,
) -> Figure:
    """Draw a table of distances; the smallest of each row is framed.

    Args:
        values: `(rows, columns)` distances; NaN where there is none, drawn grey.
        row_names: Names of the rows.
        col_names: Names of the columns.
        row_title: What the rows are.
        col_title: What the columns are.
        title: Title of the figure.

    Raises:
        ValueError: The names don't fit the shape of `values`.
    """
    table = _table(values, row_names, col_names)
    known = table[~np.isnan(table)]
    ends = (known.min(), known.max()) if known.size else (0.0, 1.0)
    digits = _decimals(max(map(abs, ends)))
    text = [["-" if np.isnan(v) else f"{v:z.{digits}f}" for v in row] for row in table]
    colours = colormaps["cividis"].with_extremes(bad="lightgrey")
    figure, axes = _grid(table, text, row_names, col_names, colours, ends)
    note = f"{col_title} (framed: smallest of its row)"
    axes.set(xlabel=note, ylabel=row_title, title=title)
    for row, distances in enumerate(table):
        if not np.isnan(distances).all():
            axes.add_patch(_frame(row, int(np.nanargmin(distances))))
    return figure


def figure_to_tensor(figure: Figure) -> Tensor:
    """Return a figure as `(3, height, width)` uint8, as `add_image` takes it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def _axes(rows: int = 0, columns: int = 0) -> tuple[Figure, Axes]:
    width, height = 2 + COLUMN_WIDTH * columns, 1.5 + ROW_HEIGHT * rows
    size = (max(WIDTH, width), max(HEIGHT, height))
    figure = Figure(size, dpi=DPI, layout="constrained")
    return figure, figure.add_subplot()


def _grid(
    values: NDArray[np.float64],
    text: Sequence[Sequence[str]],
    row_names: Sequence[str],
    col_names: Sequence[str],
    colours: Colormap,
    ends: tuple[float, float],
) -> tuple[Figure, Axes]:
    figure, axes = _axes(*values.shape)
    low, high = ends
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto")
    figure.colorbar(image, ax=axes)
    axes.set_xticks(range(len(col_names)), col_names, rotation=30, ha="right")
    axes.set_yticks(range(len(row_names)), row_names)
    for (row, column), luminance in np.ndenumerate(image.to_rgba(values) @ _REC709):
        ink = "black" if luminance > 0.5 else "white"
        axes.text(column, row, text[row][column], color=ink, ha="center", va="center")
    return figure, axes


def _frame(row: int, column: int) -> Rectangle:
    """Return a frame around a cell; white on black shows on every colour."""
    corner = (column - 0.46, row - 0.46)
    edge = [withStroke(linewidth=4, foreground="black")]
    return Rectangle(
        corner, 0.92, 0.92, fill=False, edgecolor="white", lw=2, path_effects=edge
    )


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
