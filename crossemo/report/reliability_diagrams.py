"""Exhibits of calibration: how often models are right that say how sure they are."""

from collections.abc import Iterator, Mapping

from matplotlib.figure import Figure
from pandas import DataFrame

from crossemo.metrics.calibration import Bin, error_of
from crossemo.report.exhibits import (
    STAGES,
    Cell,
    Exhibit,
    Frames,
    Picture,
    Section,
    Table,
)
from crossemo.report.panels import new_panels
from crossemo.report.reliability_figures import (
    CALIBRATED,
    HEIGHTS,
    SAID,
    Series,
    draw_reliability,
)
from crossemo.report.study_rows import (
    by_strategy,
    directions,
    grouped,
    target_place,
    told_apart,
)
from crossemo.report.style import styled

TITLE = "Calibration"
TEXT = (
    "Expected calibration error of the test clips of all folds and seeds together: the "
    "mean distance between the probability of the class that is said and the share of "
    "clips that are right, in per cent, as said and with the temperature that "
    "validation gave."
)
KEYS = ["strategy", "encoder", "stage", "place"]


def section(frames: Frames) -> Section:
    """Return a table and diagrams for each direction.

    Args:
        frames: `certainty`.
    """
    return Section(TITLE, list(_exhibits(frames["certainty"])))


def _exhibits(certainty: DataFrame) -> Iterator[Exhibit]:
    for tag, title, rows in directions(certainty):
        rows = told_apart(by_strategy(rows))
        yield Exhibit(
            f"calibration_{tag}",
            f"{TITLE}, {title}",
            TEXT,
            calibration_table(rows),
            list(_pictures(tag, title, rows)),
        )


def calibration_table(rows: DataFrame) -> Table:
    """Return a row for each condition, stage and role.

    Args:
        rows: Rows of `certainty` of one direction, in order.
    """
    lines = []
    for names, of_row in grouped(rows, KEYS):
        series, runs = _series(of_row), tuple(of_row["runs"].iloc[0])
        leak = " LEAK" * bool(of_row["leak"].iloc[0])
        errors = {
            name: f"{100 * error_of(one):.1f}{leak}" for name, one in series.items()
        }
        clips = sum(one.clips for one in series[SAID])
        cells = [Cell(errors.get(kind, "-"), runs) for kind in (SAID, CALIBRATED)]
        lines.append([*map(Cell, names), *cells, Cell(f"{clips:.0f}")])
    return Table([*KEYS, "ECE", CALIBRATED, "clips"], lines, len(KEYS))


def _series(rows: DataFrame) -> Series:
    """Return the bins of a condition, stage and role by kind of probabilities."""
    return {
        kind: [
            Bin(*row)
            for row in of_kind[list(Bin._fields)].itertuples(index=False, name=None)
        ]
        for (kind,), of_kind in grouped(rows, ["probabilities"])
    }


def _pictures(tag: str, title: str, rows: DataFrame) -> Iterator[Picture]:
    rows = rows[(rows["place"] == target_place(rows)) & rows["stage"].isin(STAGES)]
    for number, ((encoder,), of_encoder) in enumerate(grouped(rows, ["encoder"])):
        diagrams = {
            (strategy, stage): _series(some)
            for (strategy, stage), some in grouped(of_encoder, ["strategy", "stage"])
        }
        target = of_encoder["target"].iloc[0]
        name = f"Calibration on {target}, {title}\n{encoder}"
        figure = diagrams_figure(diagrams, name)
        yield Picture(f"reliability_{tag}_{number + 1}", figure, _alt(name, diagrams))


def _alt(name: str, diagrams: Mapping[tuple[str, str], Series]) -> str:
    errors = (
        f"{strategy}, {STAGES[stage]}: "
        + ", ".join(
            f"{100 * error_of(bins):.1f} % {kind}" for kind, bins in one.items()
        )
        for (strategy, stage), one in diagrams.items()
    )
    return (
        f"{name}: share of clips that are right over the probability that is said. "
        f"Expected calibration error, {'; '.join(errors)}."
    )


@styled()
def diagrams_figure(diagrams: Mapping[tuple[str, str], Series], title: str) -> Figure:
    """Draw reliability diagrams: a row for each strategy, a column for each stage.

    Args:
        diagrams: Bins by strategy and stage.
        title: The title.
    """
    strategies = list(dict.fromkeys(strategy for strategy, _ in diagrams))
    stages = [one for one in STAGES if one in {stage for _, stage in diagrams}]
    figure, panels = new_panels(
        2 * len(strategies),
        [STAGES[one] for one in stages],
        0.95,
        title,
        sharex=True,
        height_ratios=HEIGHTS * len(strategies),
    )
    for row, strategy in enumerate(strategies):
        upper, lower = panels[2 * row], panels[2 * row + 1]
        upper[0].set_ylabel(f"{strategy}\nshare right")
        lower[0].set_ylabel("clips")
        for column, stage in enumerate(stages):
            pair = upper[column], lower[column]
            if (strategy, stage) in diagrams:
                draw_reliability(*pair, diagrams[strategy, stage])
                pair[0].legend(frameon=False, fontsize="x-small", loc="upper left")
            else:
                for axes in pair:
                    axes.set_axis_off()
    figure.supxlabel("probability of the class that is said", fontsize="medium")
    return figure
