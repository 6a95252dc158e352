"""Exhibits of distances between domains, before and after training."""

from collections.abc import Iterator
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from crossemo.report.averages import over_runs
from crossemo.report.distance_tables import DistanceTables
from crossemo.report.exhibits import (
    ALPHA,
    Cell,
    Exhibit,
    Frames,
    Picture,
    Section,
    Table,
    by_strategy,
    directions,
    probability,
)
from crossemo.report.panels import (
    MARKERS,
    draw_points,
    legend_of,
    new_panels,
    slant_names,
    zero_line,
)
from crossemo.report.study import Study
from crossemo.report.style import (
    COLOURS,
    GREY,
    STATES,
    hide_frame,
    name_ticks,
    styled,
    tick_step,
)

ABOVE, MIXTURE = "fad_above_chance", "mixture"
BEFORE = "before"
AFTER = ("target", "target_only", "joint", "validate", "test")  # the first there is
UNIT = "FAD above chance / mean trace"
CELLS = ["layer", "x_domain", "y_domain", "estimator", "x_emotion", "y_emotion"]
MEASURES = {
    "same_emotion_distance": "distance",
    "same_emotion_gap": "gap",
    "nearest_emotion": "nearest is the same",
}
TEXT = (
    "FAD above chance in units of the mean trace, between source and target, by clips, "
    "before training and after the last stage, in the learnt mixture or, without one, "
    "the last state measured. distance: of the same emotion; gap: how much farther "
    "another one is; nearest is the same: share of emotions. Means over runs of values, "
    "ends of intervals and p, twice the mean of p where there are several."
)
BIAS = (
    "By how much the distance of each emotion differs from the mean of all, before "
    "training and after the last stage: below zero, its speech and music lie nearer. In "
    "units of the mean trace; means over runs of values and ends of intervals."
)


def sections(frames: Frames) -> list[Section]:
    """Return the sections of distances and of biases.

    Args:
        frames: `distances` and `bias`.
    """
    distances, measures = (_compared(frames[one]) for one in ("distances", "bias"))
    return [
        Section("Distances of domains", list(_distances(distances, measures))),
        Section("Bias by emotion", list(_biases(measures))),
    ]


def _compared(rows: DataFrame) -> DataFrame:
    """Return rows of clips, of the first pair of domains, before and after training."""
    if rows.empty:
        return rows
    rows = rows[(rows["estimator"] == ABOVE) & (rows["unit"] == "clip")]
    if {"x_domain", "y_domain"} <= {*rows}:
        across = rows[rows["x_domain"] != rows["y_domain"]]
        pairs = across[["run", "x_domain", "y_domain"]].drop_duplicates("run")
        rows = across.merge(pairs, on=["run", "x_domain", "y_domain"])
    after = rows.groupby("condition")["stage"].transform(
        lambda stages: next((one for one in AFTER if one in set(stages)), "")
    )
    rows = rows[(rows["stage"] == BEFORE) | (rows["stage"] == after)]
    moment = np.where(rows["stage"] == BEFORE, BEFORE, "after")
    return by_strategy(rows.assign(moment=moment, layer=rows["layer"].astype(str)))


def _last(rows: DataFrame) -> DataFrame:
    """Return rows of the mixture or, without one, the last state measured."""
    by = ["encoder", "strategy", "condition", "moment"]
    last = rows.groupby(by)["layer"].transform(
        lambda one: MIXTURE if MIXTURE in set(one) else one.iloc[-1]
    )
    return rows[rows["layer"] == last]


def _distances(distances: DataFrame, measures: DataFrame) -> Iterator[Exhibit]:
    maps = {title: rows for _, title, rows in directions(distances)}
    for tag, title, rows in directions(measures):
        states = _last(rows)
        curves = rows[rows["measure"] == "same_emotion_distance"]
        pictures = [*_maps(tag, title, maps.get(title, DataFrame()))]
        if curves["layer"].nunique() > 1:
            pictures.append(_curves(tag, title, curves))
        table = distance_table(states[states["measure"].isin(MEASURES)])
        if table.rows or pictures:
            name = f"Distances, {title}"
            yield Exhibit(f"distances_{tag}", name, TEXT, table, pictures)


def distance_table(measures: DataFrame) -> Table:
    """Return a row for each strategy and encoder, before and after training.

    Args:
        measures: Rows of `similarity.csv` of one direction, of a state for each row.
    """
    by = ["strategy", "encoder", "moment", "layer"]
    means = over_runs(measures, [*by, "measure"])
    lines = []
    for names, of_row in means.groupby(by, sort=False):
        rows = {row["measure"]: row for row in of_row.to_dict("records")}
        line = [Cell(str(name)) for name in names]
        for measure in MEASURES:
            runs = rows[measure]["runs"] if measure in rows else ()
            line += [Cell(text, runs) for text in _texts(rows.get(measure))]
        lines.append(line)
    heads = [head for name in MEASURES.values() for head in (name, "p")]
    return Table(["strategy", "encoder", "training", "state", *heads], lines, 4)


def _texts(row: dict[str, float] | None) -> tuple[str, str]:
    """Return a measure with its interval, and its p."""
    if row is None or np.isnan(row["value"]):
        return "-", "-"
    text = f"{row['value']:z.3f}"
    if not np.isnan(row["low"]):
        text += f" [{row['low']:z.3f}, {row['high']:z.3f}]"
    return text, probability(row["p"])


def _maps(tag: str, title: str, rows: DataFrame) -> Iterator[Picture]:
    """Yield heat maps of each encoder: before training, then after, by strategy."""
    if rows.empty:
        return
    corpora = {role: str(rows[role].iloc[0]) for role in ("source", "target")}
    groups = _last(rows).groupby("encoder", sort=False)
    for number, (encoder, of_encoder) in enumerate(groups):
        after = of_encoder["strategy"].where(of_encoder["moment"] != BEFORE, BEFORE)
        maps = of_encoder.assign(layer=after + ", " + of_encoder["layer"])
        first = maps["moment"] != BEFORE  # False comes first
        means = over_runs(maps.iloc[first.argsort(kind="stable")], CELLS)
        cells = means.to_dict("records")
        emotions = list(dict.fromkeys(means["x_emotion"]))
        tables = DistanceTables(cells, ABOVE, emotions, Study(corpora=corpora))
        panels = list(dict.fromkeys(means["layer"]))
        figure = tables.small_multiples(panels, f"{encoder}: distances, {title}", UNIT)
        yield Picture(f"distances_{tag}_{number + 1}", figure, _map_alt(encoder, means))


def _map_alt(encoder: str, means: DataFrame) -> str:
    same = means["x_emotion"] == means["y_emotion"]
    averages = means.groupby(["layer", same], sort=False)["by_trace"].mean().unstack()
    ends = "; ".join(
        f"{panel}: {row[True]:.3f} for the same emotion, {row[False]:.3f} for others"
        for panel, row in averages.iterrows()
    )
    return (
        f"{encoder}: heat maps of the distance of every pair of emotions, before training "
        f"and after it by strategy; crossed where not shown. On average, {ends}."
    )


def _curves(tag: str, title: str, measures: DataFrame) -> Picture:
    means = over_runs(
        measures.assign(series=_series(measures)), ["encoder", "series", "layer"]
    )
    lowest = means.loc[means["value"].idxmin()]
    alt = (
        "Lines of the distance of the same emotion over the hidden states, with bands, "
        "a panel for each encoder: before training and after it by strategy. The lowest "
        f"is {lowest['value']:.3f}: {lowest['encoder']}, {lowest['series']}, state "
        f"{lowest['layer']}."
    )
    figure = curve_figure(means, f"Distance over the states, {title}")
    return Picture(f"distances_over_layers_{tag}", figure, alt)


def _series(rows: DataFrame) -> Series:
    return rows["strategy"].where(rows["moment"] != BEFORE, BEFORE)


@styled()
def curve_figure(means: DataFrame, title: str) -> Figure:
    """Draw the distance of the same emotion over the hidden states.

    Args:
        means: `encoder`, `series` (`before` or a strategy), `layer`, `value`, `low`,
            `high` and `p`; hollow where this is above .05.
        title: The title.
    """
    encoders = list(means["encoder"].unique())
    series = sorted(means["series"].unique(), key=lambda one: one != BEFORE)
    figure, panels = new_panels(1, encoders, 2.6, title, sharey=True)
    for axes, encoder in zip(panels[0], encoders, strict=True):
        of_encoder = means[means["encoder"] == encoder]
        layers = list(dict.fromkeys(of_encoder["layer"]))
        layers.sort(
            key=lambda one: (not one.isdigit(), int(one) if one.isdigit() else 0)
        )
        for name, colour, marker in zip(
            series, (GREY, *COLOURS), cycle(MARKERS), strict=False
        ):
            line = of_encoder[of_encoder["series"] == name].set_index("layer")
            _curve(axes, line.reindex(layers), colour, marker, name)
        step = tick_step(len(layers))
        ticks = range(0, len(layers), step)
        names = [layer.replace(MIXTURE, "mix") for layer in layers]
        name_ticks(axes.xaxis, names[::step], ticks)
        zero_line(axes)
        hide_frame(axes)
    panels[0, 0].set_ylabel("distance of the same emotion,\n" + UNIT)
    note = f"{STATES}; bands: 95 % intervals; hollow: not shown (p > .05)"
    legend_of(figure, panels[0], 5, note)
    return figure


def _curve(axes: Axes, line: DataFrame, colour: str, marker: str, name: str) -> None:
    places = np.arange(len(line))
    value, low, high, p = (
        line[c].to_numpy(float) for c in ("value", "low", "high", "p")
    )
    axes.plot(places, value, marker=marker, ms=4, lw=1.5, color=colour, label=name)
    hollow = ~(p <= ALPHA)
    axes.plot(places[hollow], value[hollow], "o", color="white", ms=1.8)
    axes.fill_between(places, low, high, color=colour, alpha=0.15, lw=0)


def _biases(measures: DataFrame) -> Iterator[Exhibit]:
    for tag, title, rows in directions(measures):
        rows = _last(rows[rows["measure"] == "deviation"])
        if rows["value"].notna().any():
            means = over_runs(
                rows.assign(series=_series(rows)),
                ["strategy", "encoder", "moment", "layer", "series", "emotion"],
            )
            yield Exhibit(
                f"bias_{tag}",
                f"Bias by emotion, {title}",
                BIAS,
                bias_table(means),
                [_bias_picture(tag, title, rows)],
            )


def bias_table(means: DataFrame) -> Table:
    """Return a row for each strategy and encoder, before and after training.

    Args:
        means: Means over runs of the deviation of every emotion.
    """
    emotions = list(dict.fromkeys(means["emotion"]))
    lines = []
    by = ["strategy", "encoder", "moment", "layer"]
    for names, of_row in means.groupby(by, sort=False):
        rows = {row["emotion"]: row for row in of_row.to_dict("records")}
        line = [Cell(str(name)) for name in names]
        line += [
            Cell(_texts(rows[one])[0], rows[one]["runs"]) if one in rows else Cell("-")
            for one in emotions
        ]
        lines.append(line)
    return Table(["strategy", "encoder", "training", "state", *emotions], lines, 4)


def _bias_picture(tag: str, title: str, rows: DataFrame) -> Picture:
    by = ["encoder", "series", "emotion"]
    means = over_runs(rows.assign(series=_series(rows)), by).assign(shown=False)
    largest = means.loc[means["value"].abs().idxmax()]
    alt = (
        "Points with intervals of how much the distance of each emotion differs from "
        "the mean of all, a panel for each encoder, before training and after it by "
        f"strategy. The largest is {largest['value']:+.3f}: {largest['emotion']}, "
        f"{largest['encoder']}, {largest['series']}."
    )
    return Picture(f"bias_{tag}", bias_figure(means, f"Bias by emotion, {title}"), alt)


@styled()
def bias_figure(means: DataFrame, title: str) -> Figure:
    """Draw the deviation of every emotion's distance, before and after training.

    Args:
        means: `encoder`, `series` (`before` or a strategy), `emotion`, `value`, `low`,
            `high` and `shown`.
        title: The title.
    """
    encoders, emotions = (list(means[c].unique()) for c in ("encoder", "emotion"))
    series = sorted(means["series"].unique(), key=lambda one: one != BEFORE)
    figure, panels = new_panels(1, encoders, 2.4, title, sharey=True)
    for axes, encoder in zip(panels[0], encoders, strict=True):
        points = means[means["encoder"] == encoder]
        draw_points(axes, points, emotions, "emotion", series)
        zero_line(axes)
        slant_names(axes)
    panels[0, 0].set_ylabel("distance less the mean of all,\n" + UNIT)
    legend_of(figure, panels[0], 5, "bars: 95 % intervals")
    return figure
