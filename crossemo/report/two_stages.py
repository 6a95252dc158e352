"""Exhibits of two stages: the target alone, zero-shot, transfer and joint training."""

from collections.abc import Iterator

from matplotlib.figure import Figure
from pandas import DataFrame

from crossemo.errors import listed
from crossemo.metrics.names import AGREEMENT, HEADLINE
from crossemo.report.exhibits import (
    ALPHA,
    STAGES,
    Cell,
    Exhibit,
    Frames,
    Picture,
    Section,
    Table,
    estimate,
    probability,
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
    target_place,
    told_apart,
)
from crossemo.report.style import styled

TITLE = "Two stages"
TEXT = (
    "{score} on the test clips of {target}, all folds together, mean over seeds, with "
    "its 95 % interval, the wider of those over units and over folds. target only: "
    "trained on the target alone; zero-shot: on the source alone; transfer: on the "
    "source, then the target; joint: on both at once. gain: transfer less target only "
    "on the same folds and clips, with its 95 % interval over folds; q: its p, "
    "corrected for the number of tests of this kind; * where q is up to .05."
)


def section(frames: Frames) -> Section:
    """Return a table and a figure for each direction.

    Args:
        frames: `folds` and `tests`.
    """
    folds, tests = frames["folds"], frames["tests"]
    headline = folds[folds["score"].isin((HEADLINE, AGREEMENT))]
    single = tests["score"].isin((HEADLINE, AGREEMENT)) & (tests["what"] == "gain")
    gains = tests[single & ~tests["place"].str.contains("/")]
    return Section(TITLE, list(_exhibits(headline, gains)))


def _exhibits(folds: DataFrame, gains: DataFrame) -> Iterator[Exhibit]:
    for tag, title, rows in directions(folds):
        rows = rows[(rows["place"] == target_place(rows)) & rows["stage"].isin(STAGES)]
        if rows.empty:
            continue
        scores = told_apart(by_strategy(rows))
        names = scores.drop_duplicates("condition").set_index("condition")["strategy"]
        of_direction = gains[gains["condition"].isin(names.index)]
        of_direction = of_direction.assign(
            strategy=of_direction["condition"].map(names)
        )
        score, target = scores["score"].iloc[0], scores["target"].iloc[0]
        yield Exhibit(
            f"two_stages_{tag}",
            f"Two stages, {title}",
            TEXT.format(score=scale_of(score).label, target=target),
            two_stage_table(scores, of_direction),
            [_picture(tag, title, scores, of_direction)],
        )


def two_stage_table(scores: DataFrame, gains: DataFrame) -> Table:
    """Return the table of a paper: a row for each strategy and encoder.

    Args:
        scores: Rows of `folds` of one direction, in order.
        gains: Rows of `tests` of it.
    """
    stages = [stage for stage in STAGES if stage in set(scores["stage"])]
    behind = stages.index("joint") if "joint" in stages else len(stages)
    columns = [STAGES[stage] for stage in stages]
    columns[behind:behind] = ["gain", "q"]
    rows = []
    for names, of_row in grouped(scores, ["strategy", "encoder"]):
        cells = {row["stage"]: estimate(row) for row in records(of_row)}
        line = [cells.get(stage, Cell("-")) for stage in stages]
        line[behind:behind] = _gain(gains[gains["condition"].isin(of_row["condition"])])
        folds = "/".join(distinct(of_row, "folds"))
        rows.append([*map(Cell, names), *line, Cell(folds)])
    return Table(["strategy", "encoder", *columns, "folds"], rows, 2)


def _gain(rows: DataFrame) -> tuple[Cell, Cell]:
    """Return the gain with its star, and its q."""
    for row in records(rows):
        gain, star = estimate(row, "difference", "+"), "*" * (row["q"] <= ALPHA)
        return Cell(gain.text + star, gain.runs), Cell(probability(row["q"]), gain.runs)
    return Cell("-"), Cell("-")


@styled()
def two_stage_figure(scores: DataFrame, gains: DataFrame, title: str) -> Figure:
    """Draw the scores of the stages and, below, what transfer gained.

    Args:
        scores: Rows of `folds` of one direction, in order.
        gains: Rows of `tests` of it.
        title: The title.
    """
    encoders = distinct(scores, "encoder")
    strategies = distinct(scores, "strategy")
    scale = scale_of(scores["score"].iloc[0])
    series = [STAGES[stage] for stage in STAGES if stage in set(scores["stage"])]
    upper = scaled(scores, scale).assign(
        series=scores["stage"].map(STAGES), shown=False
    )
    lower = scaled(gains.rename(columns={"difference": "value"}), scale)
    lower = lower.assign(series="gain", shown=lower["q"] <= ALPHA)
    rows = 2 if len(gains) else 1
    figure, panels = new_panels(rows, encoders, 2.1, title, sharex=True, sharey="row")
    for column, encoder in zip(panels.T, encoders, strict=True):
        for axes, table, lines in zip(
            column, (upper, lower), (series, ["gain"]), strict=False
        ):
            of_encoder = table[table["encoder"] == encoder]
            draw_points(axes, of_encoder, strategies, "strategy", lines)
        slant_names(column[-1])
        if rows == 2:
            zero_line(column[1])
    panels[0, 0].set_ylabel(scale.label)
    if rows == 2:
        panels[1, 0].set_ylabel(f"gain of transfer\n{scale.difference}")
    legend_of(figure, panels[0], 4, NOTE)
    return figure


def _picture(tag: str, title: str, scores: DataFrame, gains: DataFrame) -> Picture:
    best = extreme(scores, "value")
    shown = int((gains["q"] <= ALPHA).sum())
    encoders = listed(distinct(scores, "encoder"))
    alt = (
        f"Points with 95 % intervals of {scale_of(best['score']).label} for each "
        f"strategy, a column of panels for each of {encoders}; below, the gain of "
        f"transfer. The highest is {estimate(best).text}, {STAGES[best['stage']]} of "
        f"{best['encoder']}, {best['strategy']}. {shown} of {len(gains)} gains are "
        "shown (q up to .05)."
    )
    figure = two_stage_figure(scores, gains, f"Two stages, {title}")
    return Picture(f"two_stages_{tag}", figure, alt)
