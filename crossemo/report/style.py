"""The style of all figures: sizes, colours, axes, titles, names and legends."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from textwrap import wrap
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from crossemo.data.marks import SIGNS, Mark

# Inches, inches, pixels per inch. A figure is as wide as a column of a paper, or as its
# page where a table needs it. TensorBoard's cards are 215 pixels high and show every
# second pixel of such a picture: strokes must be two pixels wide to be seen, and the
# numbers are bold so that an 8 is never read as a 3.
WIDTH, HEIGHT, DPI = 3.5, 2.7, 160
PAGE, PRINTED_DPI = 7.2, 300
MARGINS = (1.45, 1.3)  # what names, titles and colour bars take of width and height
FONT = "DejaVu Sans"  # which comes with matplotlib
STYLE: dict[Any, Any] = {
    "font.family": FONT,
    "font.size": 8.5,
    "hatch.linewidth": 0.6,
    "pdf.fonttype": 42,  # TrueType, which journals ask for
    "svg.hashsalt": "crossemo",  # the same names in every SVG of the same figure
    "text.parse_math": False,  # a $ in a name is a $
    "text.usetex": False,
}
CHARACTER = 0.064  # inches, on average
LONGEST, LINES = 26, 4  # characters of a name, lines of a title
BLUE, ORANGE, GREY = "#4477aa", "#ee7733", "#777777"
COLOURS = (BLUE, ORANGE, "#228833", "#aa3377", "#66ccee", "#ccbb44", GREY)
STATES = "hidden state (0 enters the first block)"
OUTLINE = (withStroke(linewidth=2.2, foreground="black"),)  # of white marks


@contextmanager
def styled() -> Iterator[None]:
    """Make and draw figures alike, whatever a user's matplotlib is set to."""
    with rc_context(STYLE):
        yield


def new_axes(width: float = 0.0, height: float = 0.0) -> tuple[Figure, Axes]:
    """Return axes with room for contents of a width and a height in inches."""
    size = (max(WIDTH, MARGINS[0] + width), max(HEIGHT, MARGINS[1] + height))
    figure = Figure(size, dpi=DPI, layout="constrained")
    return figure, figure.add_subplot()


def set_title(figure: Figure, title: str) -> None:
    """Centre a title on the figure; one centred on the axes is cut off earlier."""
    figure.suptitle(wrapped(title, figure), fontsize="medium")


def wrapped(text: str, figure: Figure) -> str:
    """Return a text in lines that a figure is wide enough for."""
    width = int(figure.get_figwidth() / CHARACTER)
    lines = [
        line
        for one in showable(text).splitlines()
        for line in wrap(one, width, break_on_hyphens=False)
    ]
    return "\n".join(lines[:LINES]) + "…" * (len(lines) > LINES)


def mark_figure(figure: Figure, mark: Mark) -> None:
    """Say above a figure's title what the weights know of its clips, if anything."""
    signed = zip(SIGNS.values(), (mark.labels, mark.sound), strict=True)
    trainings = [f"{sign} {text}" for sign, text in signed if text]
    note_figure(figure, ["LEAK: judged by seen clips"] * bool(mark.clips) + trainings)


def note_figure(figure: Figure, notes: Iterable[str]) -> None:
    """Say above a figure's title what is said of encoders that it shows, if anything.

    Args:
        figure: The figure.
        notes: A line for each encoder and mark.
    """
    lines = [
        wrapped(without_sources(line), figure)
        for note in notes
        for line in note.splitlines()
    ]
    if lines:
        title = "\n".join([*lines, figure.get_suptitle()])
        with styled():  # as the title was, which else would grow and be cut off
            figure.suptitle(title, fontsize="medium")


def without_sources(text: str) -> str:
    """Return a sentence on trainings without the addresses of those who say so.

    >>> without_sources("pretrained on a (https://b.c/d); fine-tuned on e (https://f)")
    'pretrained on a; fine-tuned on e'
    """
    return re.sub(r" \(https://[^)]*\)", "", text)


def name_ticks(
    axis: Axis, names: Sequence[str], places: Sequence[float] | None = None
) -> None:
    """Write names at ticks, from 0 on if no places are given."""
    places = range(len(names)) if places is None else places
    axis.set_ticks(list(places), [short_name(name) for name in names])


def short_name(name: str, longest: int = LONGEST) -> str:
    """Return a name as a figure has room for it, without its middle.

    >>> short_name("fearful"), short_name("a" * 20 + "b" * 20, 11)
    ('fearful', 'aaaaa…bbbbb')
    """
    name = " ".join(showable(name).split())
    half = longest // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"


def showable(text: str) -> str:
    r"""Return a text as a figure can show it.

    What the font lacks and what is no character is written as Python would write it.

    >>> showable("sad $x$"), showable("\udcff\t"), showable("\u4e2d")
    ('sad $x$', '\\udcff\\t', '\\u4e2d')
    """
    glyphs = _glyphs()
    return "".join(
        one if one == "\n" or (one.isprintable() and ord(one) in glyphs) else _code(one)
        for one in text
    )


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(FONT)).get_charmap())


def colour_bar(
    figure: Figure, axes: Axes | Sequence[Axes], measure: str, aspect: float = 20.0
) -> None:
    """Say what the colours of axes mean, beside them.

    Args:
        figure: The figure.
        axes: The axes, the first of which shows an image.
        measure: What the colours are of.
        aspect: Height of the bar over its width.
    """
    first = axes if isinstance(axes, Axes) else axes[0]
    image = first.images[0]
    low, high = image.get_clim()
    ticks = [t for t in MaxNLocator(4).tick_values(low, high) if low <= t <= high]
    place = axes if isinstance(axes, Axes) else list(axes)
    bar = figure.colorbar(image, ax=place, aspect=aspect, pad=0.02, label=measure)
    bar.set_ticks(ticks)


def legend_below(figure: Figure, columns: int) -> None:
    """Put the legend below the axes, where it hides nothing."""
    figure.legend(
        loc="outside lower center", ncols=columns, frameon=False, fontsize="small"
    )


def hide_frame(axes: Axes) -> None:
    """Hide the upper and the right edge of axes."""
    axes.spines[["top", "right"]].set_visible(False)


def tick_step(states: int) -> int:
    """Return how many hidden states lie from one tick to the next."""
    return 1 if states <= 15 else 2
