"""Reliability diagrams: how often a class is right that is said with a probability."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from crossemo.metrics.calibration import Bin, error_of
from crossemo.report.style import (
    BLUE,
    DPI,
    GREY,
    HEIGHT,
    ORANGE,
    WIDTH,
    hide_frame,
    legend_below,
    set_title,
    styled,
)

HEIGHTS = (3.0, 1.0)  # of the diagram, over that of its counts
BESIDE = 0.018  # of the counts of one bin, so that none hides the other
SAID, CALIBRATED = "as said", "calibrated"
_STYLES = {SAID: (BLUE, "o"), CALIBRATED: (ORANGE, "s")}

Series = Mapping[str, Sequence[Bin]]


@styled()
def reliability_figure(series: Series, title: str) -> Figure:
    """Draw accuracy over probability, and below it how many clips say so.

    Args:
        series: Bins of the probabilities `SAID` and, where they are known, those that
            are `CALIBRATED`.
        title: Title of the figure.
    """
    figure = Figure((WIDTH, HEIGHT + 1.0), dpi=DPI, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=HEIGHTS)
    draw_reliability(upper, lower, series)
    upper.set_ylabel("share that is right")
    lower.set(xlabel="probability of the class that is said", ylabel="clips")
    legend_below(figure, len(series))
    set_title(figure, title)
    return figure


def draw_reliability(upper: Axes, lower: Axes, series: Series) -> None:
    """Draw a diagram on one pair of axes and the counts of its clips on the other."""
    upper.plot((0, 1), (0, 1), color=GREY, linestyle="--", linewidth=1, zorder=0)
    for number, (name, bins) in enumerate(series.items()):
        colour, marker = _STYLES[name]
        places = [one.confidence for one in bins]
        shares = [one.accuracy for one in bins]
        ends = (
            [one.accuracy - one.low for one in bins],
            [one.high - one.accuracy for one in bins],
        )
        label = f"{name}, ECE {100 * error_of(bins):.1f} %"
        upper.errorbar(
            places, shares, ends, fmt=marker, ms=3.5, lw=1.2, color=colour, label=label
        )
        beside = [place + BESIDE * (number - (len(series) - 1) / 2) for place in places]
        clips = [one.clips for one in bins]
        lower.vlines(beside, 0, clips, color=colour, linewidth=2)
    upper.set(xlim=(0, 1.02), ylim=(-0.02, 1.02))
    lower.set_ylim(bottom=0)
    lower.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    for axes in (upper, lower):
        hide_frame(axes)
