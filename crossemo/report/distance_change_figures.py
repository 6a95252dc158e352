"""Figures of distances before and after training, encoders side by side."""

from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from crossemo.report.exhibits import ALPHA, BEFORE
from crossemo.report.panels import (
    MARKERS,
    draw_points,
    legend_of,
    new_panels,
    slant_names,
    zero_line,
)
from crossemo.report.study_rows import distinct
from crossemo.report.style import (
    COLOURS,
    GREY,
    STATES,
    hide_frame,
    name_ticks,
    styled,
    tick_step,
)


@styled()
def curve_figure(means: DataFrame, unit: str, title: str) -> Figure:
    """Draw the distance of the same emotion over the hidden states.

    Args:
        means: `encoder`, `series` (`before` or a strategy), `layer`, `value`, `low`,
            `high` and `p`; hollow where this is above .05.
        unit: What the distance is.
        title: The title.
    """
    encoders = distinct(means, "encoder")
    figure, panels = new_panels(1, encoders, 2.6, title, sharey=True)
    for axes, encoder in zip(panels[0], encoders, strict=True):
        of_encoder = means[means["encoder"] == encoder]
        layers = sorted(distinct(of_encoder, "layer"), key=_depth)
        styles = zip(_series(means), (GREY, *COLOURS), cycle(MARKERS), strict=False)
        for name, colour, marker in styles:
            line = of_encoder[of_encoder["series"] == name].set_index("layer")
            _curve(axes, line.reindex(layers), colour, marker, name)
        step = tick_step(len(layers))
        names = [layer.replace("mixture", "mix") for layer in layers]
        name_ticks(axes.xaxis, names[::step], range(0, len(layers), step))
        zero_line(axes)
        hide_frame(axes)
    panels[0, 0].set_ylabel(f"distance of the same emotion,\n{unit}")
    note = f"{STATES}; bands: 95 % intervals; hollow: not shown (p > .05)"
    legend_of(figure, panels[0], 5, note)
    return figure


@styled()
def deviation_figure(means: DataFrame, unit: str, title: str) -> Figure:
    """Draw the deviation of every emotion's distance, before and after training.

    Args:
        means: `encoder`, `series` (`before` or a strategy), `emotion`, `value`, `low`
            and `high`.
        unit: What the distance is.
        title: The title.
    """
    encoders, emotions = (distinct(means, c) for c in ("encoder", "emotion"))
    figure, panels = new_panels(1, encoders, 2.4, title, sharey=True)
    for axes, encoder in zip(panels[0], encoders, strict=True):
        points = means[means["encoder"] == encoder].assign(shown=False)
        draw_points(axes, points, emotions, "emotion", _series(means))
        zero_line(axes)
        slant_names(axes)
    panels[0, 0].set_ylabel(f"distance less the mean of all,\n{unit}")
    legend_of(figure, panels[0], 5, "bars: 95 % intervals")
    return figure


def _series(means: DataFrame) -> list[str]:
    return sorted(distinct(means, "series"), key=lambda one: one != BEFORE)


def _depth(layer: str) -> tuple[bool, int]:
    """Return what sorts hidden states by number, with the mixture behind."""
    return not layer.isdigit(), int(layer) if layer.isdigit() else 0


def _curve(axes: Axes, line: DataFrame, colour: str, marker: str, name: str) -> None:
    places = np.arange(len(line))
    value, low, high, p = (
        line[one].to_numpy(float) for one in ("value", "low", "high", "p")
    )
    axes.plot(places, value, marker=marker, ms=4, lw=1.5, color=colour, label=name)
    hollow = ~(p <= ALPHA)
    axes.plot(places[hollow], value[hollow], "o", color="white", ms=1.8)
    axes.fill_between(places, low, high, color=colour, alpha=0.15, lw=0)
