"""The style of all figures: sizes, colours, axes, titles and legends."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Inches, inches, pixels per inch. TensorBoard's cards are 215 pixels high and show
# every second pixel of such a picture: strokes must be two pixels wide to be seen, and
# the numbers are bold so that an 8 is never read as a 3.
WIDTH, HEIGHT, DPI = 3.6, 2.7, 160
MARGINS = (1.1, 1.3)  # what names and titles take of the width and of the height
BLUE, ORANGE, GREY = "#4477aa", "#ee7733", "#777777"
COLOURS = (BLUE, ORANGE, "#228833", "#aa3377", "#66ccee", "#ccbb44", GREY)
STATES = "hidden state (0 enters the first block)"


def new_axes(width: float = 0.0, height: float = 0.0) -> tuple[Figure, Axes]:
    """Return axes with room for contents of a width and a height in inches."""
    size = (max(WIDTH, MARGINS[0] + width), max(HEIGHT, MARGINS[1] + height))
    figure = Figure(size, dpi=DPI, layout="constrained")
    return figure, figure.add_subplot()


def set_title(figure: Figure, title: str) -> None:
    """Centre a title on the figure; one centred on the axes is cut off earlier."""
    figure.suptitle(title, fontsize="medium")


def mark_figure(figure: Figure, mark: str) -> None:
    """Say above a figure's title that it is of a leak, where there is a mark."""
    if mark:
        set_title(figure, f"LEAK: judged by seen clips\n{figure.get_suptitle()}")


def legend_below(figure: Figure, columns: int) -> None:
    """Put the legend below the axes, where it hides nothing."""
    figure.legend(
        loc="outside lower center", ncols=columns, frameon=False, fontsize="x-small"
    )


def hide_frame(axes: Axes) -> None:
    """Hide the upper and the right edge of axes."""
    axes.spines[["top", "right"]].set_visible(False)


def tick_step(states: int) -> int:
    """Return how many hidden states lie from one tick to the next."""
    return 1 if states <= 15 else 2
