"""Exhibits of whether similarity explains transfer."""

from collections.abc import Iterator

from pandas import DataFrame, isna

from crossemo.report.exhibits import (
    Cell,
    Exhibit,
    Frames,
    Picture,
    Row,
    Section,
    Table,
    probability,
)
from crossemo.report.explanation_figures import ALL, explanation_figures
from crossemo.report.study_rows import (
    by_strategy,
    directions,
    extreme,
    grouped,
    records,
    told_apart,
)

TEXT = (
    "Rank correlation over emotions (rho) of how far speech and music lie apart before "
    "training with what transfer gained: below zero, the nearer emotion gains more. Of "
    "the state with the lowest rho, with its 95 % interval over folds; p of that state "
    "as the best of all, by permutations of emotions; least p: the smallest that so "
    "many emotions allow; q: p corrected for encoders, strategies and directions."
)


def section(frames: Frames) -> Section:
    """Return a table and figures for each direction.

    Args:
        frames: `explanation_tests` and `explanation_points`, or neither.
    """
    tests = frames.get("explanation_tests", DataFrame())
    exhibits = [] if tests.empty else _exhibits(tests, frames["explanation_points"])
    return Section("Similarity and transfer", list(exhibits))


def _exhibits(tests: DataFrame, points: DataFrame) -> Iterator[Exhibit]:
    for tag, title, rows in directions(tests.assign(task="")):
        rows = told_apart(by_strategy(rows), ["layer"])
        yield Exhibit(
            f"similarity_and_transfer_{tag}",
            f"Similarity and transfer, {title}",
            TEXT,
            explanation_table(rows),
            list(_pictures(tag, rows, points)),
        )


def explanation_table(tests: DataFrame) -> Table:
    """Return a row for each strategy and encoder.

    Args:
        tests: Rows of the table of tests of one direction, in order.
    """
    lines = []
    for names, rows in grouped(tests, ["strategy", "encoder"]):
        layers = rows[(rows["layer"] != ALL) & rows["rho"].notna()]
        verdict = records(rows[rows["layer"] == ALL])[0]
        best = extreme(layers, "rho", highest=False) if len(layers) else verdict
        lines.append([*map(Cell, names), *_cells(best, verdict)])
    columns = ["state", "rho", "p", "least p", "q", "emotions", "units", "clips"]
    return Table(["strategy", "encoder", *columns, "note"], lines, 2)


def _cells(best: Row, verdict: Row) -> list[Cell]:
    runs = tuple(verdict["runs"])
    rho: str = "-" if isna(best["rho"]) else f"{best['rho']:z.2f}"
    if not isna(best["low"]):
        rho += f" [{best['low']:z.2f}, {best['high']:z.2f}]"
    texts = [str(best["layer"]) if rho != "-" else "-", rho]
    texts += [probability(verdict[name]) for name in ("p", "least_p", "q")]
    texts += [str(verdict[name]) for name in ("emotions", "units", "clips")]
    shared = "distance and gain of the same units" * bool(verdict["shared_units"])
    note = verdict["reason"] or shared
    return [*(Cell(text, runs) for text in texts), Cell(note)]


def _pictures(tag: str, tests: DataFrame, points: DataFrame) -> Iterator[Picture]:
    groups = grouped(tests, ["strategy", "encoder", "condition"])
    for number, ((strategy, encoder, condition), rows) in enumerate(groups):
        of_condition = records(points[points["condition"] == condition])
        for name, figure in explanation_figures(records(rows), of_condition).items():
            row = explanation_table(rows).rows[0]
            state, rho, p = (row[column].text for column in (2, 3, 4))
            shape = (
                "Points of the gain of every emotion over its distance"
                if name == "explanation"
                else "A line of the correlation over the hidden states"
            )
            alt = f"{shape}, {encoder}, {strategy}: rho {rho} in state {state}, p {p}."
            yield Picture(f"{name}_{tag}_{number + 1}", figure, alt)
