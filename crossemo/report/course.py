"""Figures of a run's course: scores over its stages, layer weights around them."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from crossemo.metrics.names import HEADLINE
from crossemo.report.style import (
    COLOURS,
    STATES,
    hide_frame,
    legend_below,
    new_axes,
    set_title,
    short_name,
    styled,
)


@styled()
def course_figure(
    scores: Mapping[str, Sequence[tuple[int, float]]],
    stages: Sequence[tuple[int, str]],
    chance: float,
    title: str = "",
    headline: str = HEADLINE,
) -> Figure:
    """Draw the validation score of every corpus over all epochs of a run.

    Args:
        scores: By corpus, the epochs from 0 with their score.
        stages: First epoch and name of every stage so far.
        chance: The score of guessing.
        title: Title of the figure.
        headline: Name of the score; that of classes is drawn in per cent.
    """
    unit = 100 if headline == HEADLINE else 1
    figure, axes = new_axes()
    lines = zip(scores.items(), COLOURS, cycle(("o-", "s--", "^:")), strict=False)
    for (corpus, points), colour, style in lines:
        places, values = zip(*points, strict=True)
        shown = np.multiply(values, unit)
        axes.plot(places, shown, style, color=colour, linewidth=2, ms=4)
        axes.lines[-1].set_label(short_name(corpus))
    axes.axhline(
        unit * chance, color="grey", linestyle=":", linewidth=2, label="chance"
    )
    for epoch, name in stages:
        axes.axvline(epoch - 0.5, color="grey", linewidth=1)
        place = axes.get_xaxis_transform()  # epochs, and 1 for the top
        label = axes.text(epoch - 0.4, 1.0, short_name(name), transform=place, va="top")
        label.set_fontsize("small")
        label.set_in_layout(False)
    epochs = [epoch for points in scores.values() for epoch, _ in points]
    axes.set_xlim(-0.6, max([*epochs, *(epoch for epoch, _ in stages)]) + 0.6)
    in_percent = " in %" if unit == 100 else ""
    axes.set(xlabel="epoch", ylabel=f"validation {headline}{in_percent}")
    legend_below(figure, 2)
    hide_frame(axes)
    set_title(figure, title)
    return figure


@styled()
def stage_weights_figure(
    weights: Mapping[str, Sequence[float]], title: str = ""
) -> Figure:
    """Draw the layer weights before and after every stage, side by side.

    Args:
        weights: By label, such as `before source`, `(layers + 1,)` shares.
        title: Title of the figure.
    """
    figure, axes = new_axes()
    width = 0.8 / len(weights)
    colours = colormaps["viridis"](np.linspace(0, 0.9, len(weights)))
    for place, (label, shares) in enumerate(weights.items()):
        layers = np.arange(len(shares)) + (place - (len(weights) - 1) / 2) * width
        axes.bar(layers, shares, width, color=colours[place])
        axes.containers[-1].set_label(short_name(label))
    axes.set(xlabel=STATES, ylabel="weight")
    legend_below(figure, 2)
    hide_frame(axes)
    set_title(figure, title)
    return figure
