"""Figures of what distances say of transfer, by emotion and by hidden state."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from crossemo.report.style import (
    BLUE,
    GREY,
    STATES,
    hide_frame,
    legend_below,
    name_ticks,
    new_axes,
    set_title,
    short_name,
    styled,
    tick_step,
)

Row = Mapping[str, Any]
Rows = Sequence[Row]
Floats = NDArray[np.float64]
ALL = "all"  # layers, the best of which is taken
PALE = "#aac4dd"
HALO = [withStroke(linewidth=2, foreground="white")]


def explanation_figures(tests: Rows, points: Rows) -> dict[str, Figure]:
    """Return the figures of one encoder, strategy and direction, by tag.

    Args:
        tests: Rows of the table of tests.
        points: Rows of the table of points.

    Returns:
        Distance and gain of each emotion in the hidden state where they go together
        most, and their correlation over the states; nothing where there was no test.
    """
    of_layers = [row for row in tests if row["layer"] != ALL and not isnan(row["rho"])]
    if not of_layers:
        return {}
    best = min(of_layers, key=lambda row: float(row["rho"]))
    of_best = [row for row in points if row["layer"] == best["layer"]]
    figures = {"explanation": emotion_figure(of_best, best, _of_all(tests))}
    if len(of_layers) > 1:
        figures["explanation_over_layers"] = layer_figure(tests)
    return figures


@styled()
def emotion_figure(points: Rows, test: Row, best: Row) -> Figure:
    """Draw what transfer gained of each emotion over how far its domains lie apart.

    Bars are 95 % intervals over units.

    Args:
        points: Rows of the table of points, of one hidden state.
        test: Row of the table of tests of that state.
        best: That of the best of all states.
    """
    figure, axes = new_axes(2.4, 2.0)
    x, x_low, x_high = _columns(points, "distance", "distance_low", "distance_high")
    y, y_low, y_high = 100 * _columns(points, "gain", "gain_low", "gain_high")
    bars = _bars(y, y_low, y_high), _bars(x, x_low, x_high)
    axes.errorbar(x, y, *bars, fmt="none", elinewidth=1, ecolor=PALE)
    axes.plot(x, y, "o", ms=5, color=BLUE, zorder=4)
    for one, right, up in zip(points, x, y, strict=True):
        name, place = short_name(one["emotion"]), (right, up)
        text = axes.annotate(name, place, (4, 4), textcoords="offset points")
        text.set(fontsize="small", path_effects=HALO)
    axes.axhline(0, color=GREY, linestyle=":", lw=1)
    axes.set_xlabel(
        "FAD above chance before training / mean trace\nbars: 95 % intervals"
    )
    axes.set_ylabel("gain in recall, percentage points")
    hide_frame(axes)
    state = test["layer"] if test["layer"] == "mixture" else f"layer {test['layer']}"
    verdict = f"{state}: rho {_number(test['rho'])}, p {_p(test['p'])}"
    if best["p"] != test["p"]:
        verdict += f"; as the best layer p {_p(best['p'])}"
    set_title(figure, "\n".join([*_of_what(test), verdict]))
    return figure


@styled()
def layer_figure(tests: Rows) -> Figure:
    """Draw the correlation over the hidden states, with the level that chance reaches.

    Args:
        tests: Rows of the table of tests of one encoder, strategy and direction.
    """
    figure, axes = new_axes()
    rows = [row for row in tests if row["layer"] != ALL]
    rho, low, high = _columns(rows, "rho", "low", "high")
    chance = float(_of_all(tests)["chance_low"])
    places = np.arange(len(rows))
    axes.plot(places, rho, "o-", color=BLUE, ms=4, lw=2, label="rho")
    hollow = ~(rho <= chance)
    axes.plot(places[hollow], rho[hollow], "o", color="white", ms=2)
    axes.fill_between(places, low, high, color=BLUE, alpha=0.2, lw=0)
    axes.axhline(0, color=GREY, linestyle=":", lw=1)
    if not isnan(chance):
        label = "chance: 5 % of orders lie lower in their best layer"
        axes.axhline(chance, color=GREY, linestyle="--", lw=2, label=label)
    _layers(axes, [str(row["layer"]) for row in rows])
    axes.set(ylim=(-1.05, 1.05), ylabel="rank correlation of\ndistance and gain")
    legend_below(figure, 2)
    set_title(
        figure, "\n".join([*_of_what(rows[0]), "below 0: nearer emotions gain more"])
    )
    return figure


def _layers(axes: Axes, layers: Sequence[str]) -> None:
    step = tick_step(len(layers))
    names = [layer.replace("mixture", "mix") for layer in layers]
    name_ticks(axes.xaxis, names[::step], range(0, len(layers), step))
    axes.set_xlabel(f"{STATES}\nhollow: not shown (p > .05 in the best layer)")
    hide_frame(axes)


def _of_all(tests: Rows) -> Row:
    return next(row for row in tests if row["layer"] == ALL)


def _of_what(test: Row) -> list[str]:
    """Return the first lines of a title."""
    first = f"{test['encoder']}, {test['strategy']}: similarity and transfer"
    units = f"{test['units']} units, n={test['clips']}"
    lines = [first, f"{test['source']} → {test['target']} ({units})"]
    return lines + ["distance and gain of the same units"] * bool(test["shared_units"])


def _columns(rows: Rows, *names: str) -> Floats:
    return np.array([[float(row[name]) for row in rows] for name in names])


def _bars(value: Floats, low: Floats, high: Floats) -> Floats:
    lengths = np.array([value - low, high - value])
    clipped: Floats = np.abs(np.nan_to_num(lengths))
    return clipped


def _number(value: float) -> str:
    return f"= {value:z.2f}".replace("0.", ".")


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}".replace("0.", ".")
