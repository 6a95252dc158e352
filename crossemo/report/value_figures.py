"""Figures of values: what was predicted against what was annotated."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from crossemo.corpora.base import Scale
from crossemo.report.style import (
    BLUE,
    DPI,
    GREY,
    MARGINS,
    ORANGE,
    PAGE,
    WIDTH,
    hide_frame,
    set_title,
    styled,
)

PANEL = 2.0  # inches
MANY = 2000  # clips, from which a PDF holds their points as pixels


@styled()
def agreement_figure(
    predictions: ArrayLike,
    targets: ArrayLike,
    outputs: Sequence[str],
    scores: Sequence[float],
    title: str,
    scale: Scale | None = None,
) -> Figure:
    """Draw predicted against annotated values, a panel for each output.

    Both are from -1 to 1 about the middle of the corpus's scale; the upper and the
    right axis show the values as published.

    Args:
        predictions: `(clips, outputs)`.
        targets: `(clips, outputs)`.
        outputs: Names of the outputs in order.
        scores: CCC of each output.
        title: Title of the figure.
        scale: The scale as published; None where clips are of several.

    Raises:
        ValueError: Predictions and targets differ in shape, or from the names.
    """
    said, true = (np.asarray(one, dtype=np.float64) for one in (predictions, targets))
    if said.shape != true.shape or said.shape[1:] != (len(outputs),):
        raise ValueError(
            f"Predictions of shape {said.shape} and targets of shape {true.shape} "
            f"don't fit {len(outputs)} outputs."
        )
    width = min(PAGE, max(WIDTH, MARGINS[0] + PANEL * len(outputs)))
    size = (width, min(PANEL, (width - MARGINS[0]) / len(outputs)) + MARGINS[1])
    figure = Figure(size, dpi=DPI, layout="constrained")
    panels = figure.subplots(1, len(outputs), sharex=True, sharey=True, squeeze=False)
    reach = 1.05 * max(1.0, float(np.abs(np.stack((said, true))).max(initial=0.0)))
    for place, (axes, name) in enumerate(zip(panels[0], outputs, strict=True)):
        _points(axes, true[:, place], said[:, place])
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axes.set(xlabel=f"annotated {name}", ylabel=f"predicted {name}")
        note = axes.text(0.03, 0.97, f"CCC {scores[place]:.2f}", va="top")
        note.set(transform=axes.transAxes, fontweight="bold")
        _published(axes, scale)
    set_title(figure, title)
    return figure


def _points(axes: Axes, true: ArrayLike, said: ArrayLike) -> None:
    many = np.size(true)
    alpha = float(np.clip(20 / max(many, 1) ** 0.5, 0.15, 0.8))
    axes.plot(true, said, "o", ms=3, mew=0, color=BLUE, alpha=alpha)
    axes.lines[-1].set_rasterized(many > MANY)
    axes.axline((0, 0), slope=1, color=ORANGE, linestyle="--", linewidth=1.5)
    for line in (axes.axhline, axes.axvline):
        line(0, color=GREY, linewidth=0.6)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 5, 10]))


def _published(axes: Axes, scale: Scale | None) -> None:
    """Show the published values on the other two sides."""
    if scale is None:
        hide_frame(axes)
        return
    back: Any = (scale.published, scale.relative)
    upper = axes.secondary_xaxis("top", functions=back)
    right = axes.secondary_yaxis("right", functions=back)
    upper.set_xlabel("as published", fontsize="small")
    ticks = (scale.low, scale.middle, scale.high)
    for axis in (upper.xaxis, right.yaxis):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
