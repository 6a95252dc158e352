"""Exhibits of what transfer gained and what was forgotten, emotion by emotion."""

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure
from pandas import DataFrame

from crossemo.errors import listed
from crossemo.metrics.names import AGREEMENT
from crossemo.report.exhibits import (
    ALPHA,
    Cell,
    Exhibit,
    Frames,
    Picture,
    Row,
    Section,
    Table,
    estimate,
    scale_of,
)
from crossemo.report.panels import (
    NOTE,
    draw_points,
    legend_of,
    new_panels,
    slant_names,
    zero_line,
)
from crossemo.report.study_rows import (
    by_strategy,
    directions,
    distinct,
    extreme,
    grouped,
    records,
    scaled,
    told_apart,
)
from crossemo.report.style import styled

KINDS = {"gain": "gain of transfer", "kept": "kept of the source"}
PARTS = ("recall", AGREEMENT)  # what an emotion, or one of several values, has
TEXT = (
    "Differences of {measure}, with 95 % intervals over folds, on the same folds and "
    "clips. gain: on the target, after transfer less after the target alone. kept: on "
    "the source, after the second stage less after the first; below zero where it was "
    "forgotten. * where q, p corrected for the number of tests of this kind, is up to "
    ".05."
)


def section(frames: Frames) -> Section:
    """Return a table and a figure for each direction.

    Args:
        frames: `tests`.
    """
    tests = frames["tests"]
    parts = tests["score"].map(lambda score: score.partition("/"))
    kind, emotion = parts.str[0], parts.str[2]
    single = kind.isin(PARTS) & (emotion != "") & tests["what"].isin(list(KINDS))
    single &= ~tests["place"].str.contains("/")
    tests = tests.assign(emotion=emotion, value=tests["difference"])[single]
    tests = tests.drop_duplicates(["condition", "what", "score"], keep="last")
    return Section("Gain and forgetting by emotion", list(_exhibits(tests)))


def _exhibits(tests: DataFrame) -> Iterator[Exhibit]:
    for tag, title, rows in directions(tests):
        rows = by_strategy(rows).sort_values("what", kind="stable")
        rows = told_apart(rows, ["what"])
        emotions = distinct(rows, "emotion")
        scale = scale_of(rows["score"].iloc[0])
        measure = f"{scale.score.partition('/')[0]} {scale.difference}"
        yield Exhibit(
            f"by_emotion_{tag}",
            f"Gain and forgetting by emotion, {title}",
            TEXT.format(measure=measure),
            emotion_table(rows, emotions),
            [_picture(tag, title, rows, emotions)],
        )


def emotion_table(rows: DataFrame, emotions: Sequence[str]) -> Table:
    """Return a row for each kind of difference, strategy and encoder.

    Args:
        rows: Rows of `tests` of one direction with their `emotion`, in order.
        emotions: The columns.
    """
    lines = []
    by = ["what", "strategy", "encoder"]
    for names, of_row in grouped(rows, by):
        cells = {row["emotion"]: _cell(row) for row in records(of_row)}
        line = [cells.get(one, Cell("-")) for one in emotions]
        lines.append([*map(Cell, names), *line])
    return Table(["", "strategy", "encoder", *emotions], lines, 3)


def _cell(row: Row) -> Cell:
    cell = estimate(row, "value", "+")
    return Cell(cell.text + "*" * (row["q"] <= ALPHA), cell.runs)


@styled()
def emotion_figure(rows: DataFrame, emotions: Sequence[str], title: str) -> Figure:
    """Draw the differences of every emotion: gain above, what was kept below.

    Args:
        rows: Rows of `tests` of one direction with their `emotion`, in order.
        emotions: What stands along the axis.
        title: The title.
    """
    encoders, strategies = (distinct(rows, c) for c in ("encoder", "strategy"))
    kinds = [kind for kind in KINDS if kind in set(rows["what"])]
    scale = scale_of(rows["score"].iloc[0])
    points = scaled(rows, scale).assign(
        series=rows["strategy"], shown=rows["q"] <= ALPHA
    )
    figure, panels = new_panels(
        len(kinds), encoders, 2.1, title, sharex=True, sharey=True
    )
    for line, kind in zip(panels, kinds, strict=True):
        line[0].set_ylabel(f"{KINDS[kind]}\n{scale.difference}")
        for axes, encoder in zip(line, encoders, strict=True):
            of_panel = (points["what"] == kind) & (points["encoder"] == encoder)
            draw_points(axes, points[of_panel], emotions, "emotion", strategies)
            zero_line(axes)
    for axes in panels[-1]:
        slant_names(axes)
    legend_of(figure, panels[0], 4, NOTE)
    return figure


def _picture(tag: str, title: str, rows: DataFrame, emotions: Sequence[str]) -> Picture:
    ends = []
    for (kind,), of_kind in grouped(rows, ["what"]):
        for word in ("highest", "lowest"):
            row = extreme(of_kind, "value", word == "highest")
            ends.append(
                f"the {word} {KINDS[kind]} is {estimate(row, 'value', '+').text} "
                f"({row['emotion']}, {row['encoder']}, {row['strategy']})"
            )
    alt = (
        f"Points with 95 % intervals for {listed(emotions)}, a column of panels for "
        f"each encoder and a colour for each strategy: {listed(ends)}."
    )
    figure = emotion_figure(rows, emotions, f"By emotion, {title}")
    return Picture(f"by_emotion_{tag}", figure, alt)
