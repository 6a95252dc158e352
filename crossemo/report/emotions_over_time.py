"""The figure of what a model says of a recording over time, under its waveform."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crossemo.report.style import (
    COLOURS,
    DPI,
    GREY,
    PAGE,
    hide_frame,
    legend_below,
    set_title,
    short_name,
    styled,
)

HEIGHT = 3.6  # inches
MOST_STEPS = 2000  # of a waveform that are drawn
LINE_STYLES = ("-", "--", ":", "-.")


@styled()
def emotions_over_time(
    outline: NDArray[np.float32],
    spans: Sequence[tuple[float, float]],
    values: NDArray[np.float32],
    names: Sequence[str],
    probabilities: bool,
    title: str = "",
) -> Figure:
    """Draw a waveform and, under it, what a model says of its windows.

    A value stands in the middle of its window.

    Args:
        outline: `(steps, 2)` lowest and highest sample of stretches of equal length,
            from the start of the first window to the end of the last.
        spans: Start and end of each window, in seconds.
        values: `(windows, outputs)` probabilities, or values such as valence.
        names: Names of the outputs.
        probabilities: Whether they are those of classes, which lie from 0 to 1.
        title: Title of the figure.
    """
    figure = Figure((PAGE, HEIGHT), dpi=DPI, layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(1, 2))
    begin, end = spans[0][0], max(stop for _, stop in spans)
    unit, size = ("min", 60.0) if end - begin > 600 else ("s", 1.0)
    _draw_waveform(upper, outline, begin / size, end / size)
    middles = np.mean(spans, axis=1) / size
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(names))]
    for place, (name, colour) in enumerate(zip(names, colours, strict=True)):
        style = LINE_STYLES[place // len(COLOURS) % len(LINE_STYLES)]
        marks = "." if len(spans) < 60 else ""
        line = {"color": colour, "linestyle": style, "marker": marks, "linewidth": 1.2}
        lower.plot(middles, values[:, place], label=short_name(name), **line)
    lower.set(xlabel=f"time in {unit}", xlim=(begin / size, end / size))
    if probabilities:
        lower.set(ylabel="probability", ylim=(0, 1))
    else:
        lower.set(ylabel="value")
        lower.axhline(0, color=GREY, linewidth=0.6)
    for axes in (upper, lower):
        hide_frame(axes)
    if title:
        set_title(figure, title)
    legend_below(figure, min(len(names), 8))
    return figure


def _draw_waveform(
    axes: Axes, outline: NDArray[np.float32], begin: float, end: float
) -> None:
    several = max(1, -(-len(outline) // MOST_STEPS))
    starts = np.arange(0, len(outline), several)
    low = np.minimum.reduceat(outline[:, 0], starts) if len(outline) else np.zeros(1)
    high = np.maximum.reduceat(outline[:, 1], starts) if len(outline) else np.zeros(1)
    edges = np.linspace(begin, end, len(low) + 1)
    axes.stairs(high, edges, baseline=low, fill=True, color=GREY)
    loudest = max(float(np.abs(np.stack([low, high])).max()), 1e-3)
    axes.set(ylabel="waveform", yticks=[], ylim=(-1.05 * loudest, 1.05 * loudest))
