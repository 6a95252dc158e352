"""Exhibits of cross-validation: scores over folds and seeds, and confusions."""

from collections.abc import Iterator, Mapping
from math import isnan

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from crossemo.report.exhibits import (
    STAGES,
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
from crossemo.report.panels import new_panels, slant_names
from crossemo.report.study_rows import (
    by_strategy,
    directions,
    distinct,
    grouped,
    records,
    target_place,
    told_apart,
)
from crossemo.report.style import name_ticks, styled

Confusions = Mapping[tuple[str, str, str], DataFrame]
COUNTS = ("clips", "units", "folds", "seeds")
KEYS = ["strategy", "encoder", "stage", "place"]
TEXT = (
    "Each score of the test clips of all folds together, mean over seeds, with its "
    "95 % interval, the wider of those over units and over folds, ± its standard "
    "deviation over folds; shares in per cent."
)


def section(frames: Frames, confusions: Confusions) -> Section:
    """Return a table and confusion matrices for each direction.

    Args:
        frames: `folds`.
        confusions: Matrices by condition, stage and place.
    """
    return Section("Cross-validation", list(_exhibits(frames["folds"], confusions)))


def _exhibits(folds: DataFrame, confusions: Confusions) -> Iterator[Exhibit]:
    for tag, title, rows in directions(folds):
        rows = told_apart(by_strategy(rows))
        yield Exhibit(
            f"cross_validation_{tag}",
            f"Cross-validation, {title}",
            TEXT,
            fold_table(rows),
            list(_pictures(tag, title, rows, confusions)),
        )


def fold_table(rows: DataFrame) -> Table:
    """Return a row for each condition, stage and place, with all of its scores.

    Args:
        rows: Rows of `folds` of one direction, in order.
    """
    scores = distinct(rows, "score")
    lines = []
    for names, of_row in grouped(rows, KEYS):
        rows_of_scores = records(of_row)
        cells = {row["score"]: _score(row) for row in rows_of_scores}
        line = [Cell(name) for name in names]
        line += [cells.get(score, Cell("-")) for score in scores]
        lines.append([*line, *(Cell(str(rows_of_scores[0][one])) for one in COUNTS)])
    return Table(["strategy", "encoder", "stage", "place", *scores, *COUNTS], lines, 4)


def _score(row: Row) -> Cell:
    score, scale = estimate(row), scale_of(row["score"])
    if isnan(row["fold_sd"]):
        return score
    return Cell(f"{score.text} ± {scale.text(row['fold_sd'])}", score.runs)


def _pictures(
    tag: str, title: str, rows: DataFrame, confusions: Confusions
) -> Iterator[Picture]:
    place = target_place(rows)
    for number, ((encoder,), of_encoder) in enumerate(grouped(rows, ["encoder"])):
        keys = of_encoder[["strategy", "condition", "stage"]].drop_duplicates()
        matrices: dict[tuple[str, str], DataFrame] = {}
        for strategy, condition, stage in keys.itertuples(index=False, name=None):
            if stage in STAGES and (condition, stage, place) in confusions:
                matrix = confusions[condition, stage, place]
                matrices.setdefault((strategy, stage), matrix)
        if matrices:
            name = f"Confusion on {of_encoder['target'].iloc[0]}, {title}\n{encoder}"
            figure = confusions_figure(matrices, name)
            yield Picture(
                f"confusions_{tag}_{number + 1}", figure, _alt(name, matrices)
            )


def _alt(name: str, matrices: Mapping[tuple[str, str], DataFrame]) -> str:
    ends = []
    for (strategy, stage), matrix in matrices.items():
        counts = matrix.to_numpy().astype(float)
        np.fill_diagonal(counts, 0)
        true, said = divmod(int(counts.argmax()), len(counts))
        ends.append(
            f"{strategy}, {STAGES[stage]}: {matrix.index[true]} for "
            f"{matrix.columns[said]} ({counts[true, said]:.0f} clips)"
        )
    return f"{name}: confusion matrices. Most often mistaken, {'; '.join(ends)}."


@styled()
def confusions_figure(
    matrices: Mapping[tuple[str, str], DataFrame], title: str
) -> Figure:
    """Draw confusion matrices: a row for each strategy, a column for each stage.

    Colours are shares of a row, numbers are clips, of all folds and seeds.

    Args:
        matrices: By strategy and stage; rows are targets, columns predictions.
        title: The title.
    """
    strategies = list(dict.fromkeys(strategy for strategy, _ in matrices))
    stages = [one for one in STAGES if one in {stage for _, stage in matrices}]
    figure, panels = new_panels(
        len(strategies), [STAGES[one] for one in stages], 1.7, title
    )
    for line, strategy in zip(panels, strategies, strict=True):
        line[0].set_ylabel(f"{strategy}\nlabelled")
        for axes, stage in zip(line, stages, strict=True):
            if (strategy, stage) in matrices:
                _draw(axes, matrices[strategy, stage])
            else:
                axes.set_axis_off()
    figure.supxlabel("recognised as", fontsize="medium")
    return figure


def _draw(axes: Axes, matrix: DataFrame) -> None:
    counts = matrix.to_numpy().astype(float)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    axes.imshow(shares, cmap=colormaps["Blues"], vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        ink = "white" if shares[row, column] > 0.55 else "black"
        axes.text(
            column, row, f"{count:.0f}", color=ink, ha="center", va="center", fontsize=6
        )
    axes.tick_params(length=0, pad=1, labelsize=6.5)
    name_ticks(axes.xaxis, list(map(str, matrix.columns)))
    name_ticks(axes.yaxis, list(map(str, matrix.index)))
    slant_names(axes)
