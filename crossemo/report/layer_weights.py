"""Exhibits of layer weights: the share of every hidden state, before and after."""

from collections.abc import Iterator, Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from crossemo.report.exhibits import (
    STAGES,
    Cell,
    Exhibit,
    Frames,
    Picture,
    Section,
    Table,
)
from crossemo.report.panels import MARKERS, legend_of, new_panels, zero_line
from crossemo.report.study_rows import (
    by_strategy,
    directions,
    distinct,
    extreme,
    grouped,
    over_runs,
    told_apart,
)
from crossemo.report.style import COLOURS, STATES, hide_frame, styled

TEXT = (
    "The learnt share of every hidden state (0 enters the first block), mean over "
    "runs; before training all have the same, which is dotted in the figure."
)


def section(frames: Frames) -> Section:
    """Return a table and a figure for each direction.

    Args:
        frames: `weights`.
    """
    return Section("Layer weights", list(_exhibits(frames["weights"])))


def _exhibits(weights: DataFrame) -> Iterator[Exhibit]:
    for tag, title, rows in directions(weights):
        rows = told_apart(by_strategy(rows.assign(layer=rows["layer"].astype(int))))
        means = over_runs(rows, ["strategy", "encoder", "stage", "layer"])
        yield Exhibit(
            f"layer_weights_{tag}",
            f"Layer weights, {title}",
            TEXT,
            weight_table(means),
            [_picture(tag, title, means)],
        )


def weight_table(means: DataFrame) -> Table:
    """Return a row for each strategy, encoder and stage.

    Args:
        means: `strategy`, `encoder`, `stage`, `layer`, `weight` and `runs`.
    """
    layers = sorted(means["layer"].unique())
    lines = []
    by = ["strategy", "encoder", "stage"]
    for names, of_row in grouped(means, by):
        rows = of_row.set_index("layer")
        line = [Cell(str(name)) for name in names]
        line += [
            Cell(f"{rows['weight'][one]:.3f}", rows["runs"][one])
            if one in rows.index
            else Cell("-")
            for one in layers
        ]
        lines.append(line)
    return Table([*by, *map(str, layers)], lines, 3)


@styled()
def weights_figure(means: DataFrame, title: str) -> Figure:
    """Draw the shares over the states, a column of panels for each encoder.

    Args:
        means: `strategy`, `encoder`, `stage`, `layer` and `weight`.
        title: The title.
    """
    encoders, strategies = (distinct(means, c) for c in ("encoder", "strategy"))
    stages = distinct(means, "stage")
    figure, panels = new_panels(
        len(strategies), encoders, 1.5, title, sharex="col", sharey=True
    )
    for line, strategy in zip(panels, strategies, strict=True):
        line[0].set_ylabel(f"{strategy}\nweight")
        for axes, encoder in zip(line, encoders, strict=True):
            of_both = (means["strategy"] == strategy) & (means["encoder"] == encoder)
            _draw(axes, means[of_both], stages)
    panels[0, 0].set_ylim(0, 1.15 * means["weight"].max())
    legend_of(figure, list(panels.flat), 4, f"{STATES}; after the stage:")
    return figure


def _draw(axes: Axes, rows: DataFrame, stages: Sequence[str]) -> None:
    for stage, colour, marker in zip(stages, COLOURS, cycle(MARKERS), strict=False):
        line = rows[rows["stage"] == stage].sort_values("layer")
        if len(line):
            name = STAGES.get(stage, stage)
            axes.plot(
                line["layer"], line["weight"], marker=marker, ms=3, lw=1.5, color=colour
            )
            axes.lines[-1].set_label(name)
            zero_line(axes, 1 / len(line))
    axes.locator_params(axis="x", integer=True)
    hide_frame(axes)


def _picture(tag: str, title: str, means: DataFrame) -> Picture:
    names = means.assign(stage=means["stage"].replace(STAGES))
    ends = "; ".join(
        f"{row['encoder']}, {row['strategy']}, {row['stage']}: {row['layer']} "
        f"({row['weight']:.2f})"
        for _, rows in grouped(names, ["encoder", "strategy", "stage"])
        for row in [extreme(rows, "weight")]
    )
    alt = f"Lines of layer weights over the hidden states. The heaviest state: {ends}."
    figure = weights_figure(means, f"Layer weights, {title}")
    return Picture(f"layer_weights_{tag}", figure, alt)
