"""Figures of a run's course: scores over its stages, layer weights around them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from crossemo.report.figures import new_axes, set_title

_COLOURS = ("#4477aa", "#ee7733", "#228833", "#aa3377")


def course_figure(
    scores: Mapping[str, Sequence[tuple[int, float]]],
    stages: Sequence[tuple[int, str]],
    chance: float,
) -> Figure:
    """Draw the validation UA of every role over all epochs of a run.

    Args:
        scores: By role, the epochs from 0 with their UA.
        stages: First epoch and name of every stage so far.
        chance: The UA of guessing.
    """
    figure, axes = new_axes()
    for (role, points), colour in zip(scores.items(), _COLOURS, strict=False):
        epochs, values = zip(*points, strict=True) if points else ((), ())
        axes.plot(
            epochs, np.multiply(values, 100), color=colour, linewidth=2, label=role
        )
        axes.plot(epochs, np.multiply(values, 100), "o", color=colour, markersize=3)
    axes.axhline(100 * chance, color="grey", linestyle=":", linewidth=2, label="chance")
    top = 1.0  # of the axes
    for epoch, name in stages:
        axes.axvline(epoch - 0.5, color="grey", linewidth=1)
        axes.text(
            epoch - 0.4, top, name, transform=axes.get_xaxis_transform(), va="top"
        )
    axes.set(xlabel="epoch", ylabel="validation UA in %")
    axes.legend(frameon=False, loc="lower right", fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
    set_title(figure, "both domains through the stages")
    return figure


def stage_weights_figure(weights: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the layer weights before and after every stage, side by side.

    Args:
        weights: By label, such as `before source`, `(layers + 1,)` shares.
    """
    figure, axes = new_axes()
    width = 0.8 / len(weights)
    colours = colormaps["viridis"](np.linspace(0, 0.9, len(weights)))
    for place, (label, shares) in enumerate(weights.items()):
        layers = np.arange(len(shares)) + (place - (len(weights) - 1) / 2) * width
        axes.bar(layers, shares, width, color=colours[place], label=label)
    axes.set(xlabel="hidden state (0 enters the first block)", ylabel="weight")
    axes.legend(frameon=False, fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
    set_title(figure, "layer weights around the stages")
    return figure
