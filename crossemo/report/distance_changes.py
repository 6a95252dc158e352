"""Exhibits of distances between domains, before and after training."""

from collections.abc import Iterator

import numpy as np
from pandas import DataFrame

from crossemo.report.distance_change_figures import curve_figure, deviation_figure
from crossemo.report.distance_tables import DistanceTables
from crossemo.report.exhibits import (
    BEFORE,
    STAGES,
    Cell,
    Exhibit,
    Frames,
    Picture,
    Row,
    Section,
    Table,
    probability,
)
from crossemo.report.study import Study
from crossemo.report.study_rows import (
    averaged,
    by_strategy,
    directions,
    distinct,
    extreme,
    grouped,
    over_runs,
    plain,
    records,
    told_apart,
)

ABOVE, MIXTURE = "fad_above_chance", "mixture"
UNIT = "FAD above chance / mean trace"
AFTER = ("target", "target_only", "joint", "validate", "test")  # the first there is
CELLS = ["layer", "x_domain", "y_domain", "estimator", "x_emotion", "y_emotion"]
MEASURES = {
    "same_emotion_distance": "distance",
    "same_emotion_gap": "gap",
    "nearest_emotion": "nearest is the same",
}
TEXT = (
    "FAD above chance in units of the mean trace, between source and target, by clips "
    "of the part {part}, before training and after the last stage, in the learnt "
    "mixture or, without one, the last state measured. distance: of the same emotion; "
    "gap: how much farther another one is; nearest is the same: share of emotions. "
    "Means over runs of values, ends of intervals and p, twice the mean of p where "
    "there are several."
)
BIAS = (
    "By how much the distance of each emotion differs from the mean of all, before "
    "training and after the last stage: below zero, its speech and music lie nearer. "
    "By clips of the part {part}, in units of the mean trace; means over runs of "
    "values and ends of intervals."
)


def sections(frames: Frames) -> list[Section]:
    """Return the sections of distances and of biases.

    Args:
        frames: `distances`, `bias`, and `exclusions`, whose runs aren't averaged.
    """
    distances, measures = (
        _compared(averaged(frames[name], frames["exclusions"]))
        for name in ("distances", "bias")
    )
    return [
        Section("Distances of domains", list(_distances(distances, measures))),
        Section("Bias by emotion", list(_biases(measures))),
    ]


def _compared(rows: DataFrame) -> DataFrame:
    """Return rows of one pair of domains, before training and after the last stage.

    `series` is `before` or the strategy, with its stage where that is another than the
    target, and its condition where that has no other name.
    """
    if rows.empty:
        return rows.assign(series="", part="")
    rows = plain(rows[(rows["estimator"] == ABOVE) & (rows["unit"] == "clip")])
    if {"x_domain", "y_domain"} <= {*rows}:
        across = rows[rows["x_domain"] != rows["y_domain"]]
        pairs = across[["run", "x_domain", "y_domain"]].drop_duplicates("run")
        rows = across.merge(pairs, on=["run", "x_domain", "y_domain"])
    last = rows.groupby("condition")["stage"].transform(
        lambda stages: next((one for one in AFTER if one in set(stages)), "")
    )
    ends = last.map(lambda one: f", {STAGES.get(one, one)}" * (one not in AFTER[:1]))
    rows = rows.assign(
        strategy=rows["strategy"].fillna("") + ends, layer=rows["layer"].astype(str)
    )
    rows = rows[(rows["stage"] == BEFORE) | (rows["stage"] == last)]
    rows = told_apart(by_strategy(rows), ["part"])
    return rows.assign(series=rows["strategy"].where(rows["stage"] != BEFORE, BEFORE))


def _last(rows: DataFrame) -> DataFrame:
    """Return rows of the mixture or, without one, the last state measured."""
    last = rows.groupby(["encoder", "series"])["layer"].transform(
        lambda one: MIXTURE if MIXTURE in set(one) else one.iloc[-1]
    )
    return rows[rows["layer"] == last]


def _before_first(rows: DataFrame) -> DataFrame:
    """Return rows with those before training in front."""
    return rows.iloc[(rows["series"] != BEFORE).argsort(kind="stable")]


def _parts(rows: DataFrame) -> Iterator[tuple[str, str, str, DataFrame]]:
    """Yield tag, title, part and rows of each direction and part that was measured."""
    for tag, title, of_direction in directions(rows):
        parts = distinct(of_direction, "part")
        for part in parts:
            several = len(parts) > 1
            name, end = f"{title}{f', part {part}' * several}", f"_{part}" * several
            yield tag + end, name, part, of_direction[of_direction["part"] == part]


def _distances(distances: DataFrame, measures: DataFrame) -> Iterator[Exhibit]:
    maps = {tag: rows for tag, _, _, rows in _parts(distances)}
    for tag, title, part, rows in _parts(measures):
        states = _last(rows)
        curves = rows[rows["measure"] == "same_emotion_distance"]
        pictures = list(_maps(tag, title, maps.get(tag, DataFrame())))
        if curves["layer"].nunique() > 1 and curves["value"].notna().any():
            pictures.append(_curves(tag, title, curves))
        table = distance_table(states[states["measure"].isin(MEASURES)])
        name, text = f"Distances, {title}", TEXT.format(part=part)
        yield Exhibit(f"distances_{tag}", name, text, table, pictures)


def distance_table(measures: DataFrame) -> Table:
    """Return a row for each encoder before training, and after it by strategy.

    Args:
        measures: Rows of `similarity.csv` of one direction, each of one state.
    """
    by = ["encoder", "series", "layer"]
    means = over_runs(_before_first(measures), [*by, "measure"])
    lines = []
    for names, of_row in grouped(means, by):
        rows = {row["measure"]: row for row in records(of_row)}
        line = [*map(Cell, names)]
        for measure in MEASURES:
            line += _estimate(rows[measure]) if measure in rows else [Cell("-")] * 2
        lines.append(line)
    heads = [head for name in MEASURES.values() for head in (name, "p")]
    return Table(["encoder", "training", "state", *heads], lines, 3)


def _estimate(row: Row) -> list[Cell]:
    """Return a measure with its interval, and its p."""
    if np.isnan(row["value"]):
        return [Cell("-"), Cell("-")]
    text = f"{row['value']:z.3f}"
    if not np.isnan(row["low"]):
        text += f" [{row['low']:z.3f}, {row['high']:z.3f}]"
    return [Cell(text, row["runs"]), Cell(probability(row["p"]), row["runs"])]


def _maps(tag: str, title: str, rows: DataFrame) -> Iterator[Picture]:
    """Yield heat maps of each encoder: before training, then after, by strategy."""
    if rows.empty or rows["by_trace"].isna().all():
        return
    corpora = {role: str(rows[role].iloc[0]) for role in ("source", "target")}
    groups = grouped(_last(rows), ["encoder"])
    for number, ((encoder,), of_encoder) in enumerate(groups):
        panel = of_encoder["series"] + ", " + of_encoder["layer"]
        means = over_runs(_before_first(of_encoder.assign(layer=panel)), CELLS)
        emotions = distinct(means, "x_emotion")
        tables = DistanceTables(records(means), ABOVE, emotions, Study(corpora=corpora))
        panels = distinct(means, "layer")
        figure = tables.small_multiples(panels, f"{encoder}: distances, {title}", UNIT)
        yield Picture(f"distances_{tag}_{number + 1}", figure, _map_alt(encoder, means))


def _map_alt(encoder: str, means: DataFrame) -> str:
    ends = []
    for (panel,), rows in grouped(means, ["layer"]):
        same = rows["x_emotion"] == rows["y_emotion"]
        ends.append(
            f"{panel}: {rows[same]['by_trace'].mean():.3f} for the same emotion, "
            f"{rows[~same]['by_trace'].mean():.3f} for others"
        )
    return (
        f"{encoder}: heat maps of the distance of every pair of emotions, before "
        "training and after it by strategy; crossed where not shown. On average, "
        f"{'; '.join(ends)}."
    )


def _curves(tag: str, title: str, measures: DataFrame) -> Picture:
    means = over_runs(measures, ["encoder", "series", "layer"])
    lowest = extreme(means, "value", highest=False)
    alt = (
        "Lines of the distance of the same emotion over the hidden states, with bands, "
        "a panel for each encoder: before training and after it by strategy. The "
        f"lowest is {lowest['value']:.3f}: {lowest['encoder']}, {lowest['series']}, "
        f"state {lowest['layer']}."
    )
    figure = curve_figure(means, UNIT, f"Distance over the states, {title}")
    return Picture(f"distances_over_layers_{tag}", figure, alt)


def _biases(measures: DataFrame) -> Iterator[Exhibit]:
    for tag, title, part, rows in _parts(measures):
        rows = _before_first(_last(rows[rows["measure"] == "deviation"]))
        if rows["value"].notna().any():
            means = over_runs(rows, ["encoder", "series", "layer", "emotion"])
            yield Exhibit(
                f"bias_{tag}",
                f"Bias by emotion, {title}",
                BIAS.format(part=part),
                bias_table(means),
                [_bias_picture(tag, title, means)],
            )


def bias_table(means: DataFrame) -> Table:
    """Return a row for each encoder before training, and after it by strategy.

    Args:
        means: `encoder`, `series`, `layer`, `emotion`, `value`, `low`, `high`, `runs`.
    """
    emotions = distinct(means, "emotion")
    lines = []
    for names, of_row in grouped(means, ["encoder", "series", "layer"]):
        rows = {row["emotion"]: row for row in records(of_row)}
        cells = [_estimate(rows[e])[0] if e in rows else Cell("-") for e in emotions]
        lines.append([*map(Cell, names), *cells])
    return Table(["encoder", "training", "state", *emotions], lines, 3)


def _bias_picture(tag: str, title: str, means: DataFrame) -> Picture:
    largest = extreme(means.assign(size=means["value"].abs()), "size")
    alt = (
        "Points with intervals of how much the distance of each emotion differs from "
        "the mean of all, a panel for each encoder, before training and after it by "
        f"strategy. The largest is {largest['value']:+.3f}: {largest['emotion']}, "
        f"{largest['encoder']}, {largest['series']}."
    )
    figure = deviation_figure(means, UNIT, f"Bias by emotion, {title}")
    return Picture(f"bias_{tag}", figure, alt)
