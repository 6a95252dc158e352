"""Exhibits of a report: tables whose numbers know their runs, and figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from pandas import DataFrame

from crossemo.metrics.names import AGREEMENT, HEADLINE
from crossemo.report.layerwise_scale import Shown

Frames = Mapping[str, DataFrame]
ALPHA = 0.05  # below it a difference counts as shown
SHARES = {HEADLINE, "WA", "macro_F1"}  # shown in per cent, as are recalls
BEFORE = "before"  # the stage of what was measured before training
STAGES = {  # of configs/stages, as a paper names their scores on the target
    "target_only": "target only",
    "source": "zero-shot",
    "target": "transfer",
    "joint": "joint",
}
STRATEGIES = ("baseline", "weighted sum", "PEFT", "full")


Row = Mapping[str, Any]


class Cell(NamedTuple):
    """Text of a table, and the runs that it was made from.

    Args:
        text: What is shown.
        runs: Names of the runs; none for what is no number of theirs.
    """

    text: str
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table as it is shown.

    Args:
        columns: Titles of the columns.
        rows: Cells, row by row.
        names: How many columns name the row.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    names: int = 1

    @property
    def texts(self) -> DataFrame:
        """The table without its runs."""
        rows = [[cell.text for cell in row] for row in self.rows]
        return DataFrame(rows, columns=list(self.columns), dtype=object)


@dataclass(frozen=True)
class Picture:
    """A figure and what it shows, for those who don't see it.

    Args:
        tag: Name of its files.
        figure: The figure.
        alt: What it shows, in sentences.
    """

    tag: str
    figure: Figure
    alt: str


@dataclass(frozen=True)
class Exhibit:
    """A table, figures, or both.

    Args:
        tag: Name of its files, unique in a report.
        title: What it is of.
        text: How to read it.
        table: The table.
        pictures: The figures.
    """

    tag: str
    title: str
    text: str = ""
    table: Table | None = None
    pictures: Sequence[Picture] = field(default_factory=tuple)


@dataclass(frozen=True)
class Section:
    """Exhibits of one kind.

    Args:
        title: Its title.
        exhibits: The exhibits; a section without any isn't shown.
    """

    title: str
    exhibits: Sequence[Exhibit]


def scale_of(score: str) -> Shown:
    """Return how a score is shown: shares in per cent, agreement as it is.

    >>> scale_of("recall/sad").label, scale_of("CCC/valence").label
    ('recall/sad in %', 'CCC/valence')
    """
    share = score in SHARES or score.startswith("recall/")
    scale = Shown.of([{"score": HEADLINE if share else AGREEMENT}])
    return Shown(score, scale.factor, scale.unit, scale.decimals, scale.targets)


def estimate(row: Row, value: str = "value", sign: str = "") -> Cell:
    """Return the cell of a score or a difference with its interval.

    Args:
        row: With `score`, `low`, `high`, `runs` and, where there was one, `leak`.
        value: Column of the value.
        sign: `+` for differences.

    >>> ends = {"low": 0.425, "high": 0.6, "runs": ("a",)}
    >>> estimate({"score": "WA", "value": 0.5, "leak": "", **ends}).text
    '50.0 [42.5, 60.0]'
    """
    scale, runs = scale_of(row["score"]), tuple(row["runs"])
    if isnan(row[value]):
        return Cell("-", runs)
    number, *ends = (
        f"{scale.factor * row[one]:{sign}z.{scale.decimals[0]}f}"
        for one in (value, "low", "high")
    )
    text = number if isnan(row["low"]) else f"{number} [{', '.join(ends)}]"
    return Cell(text + " LEAK" * bool(row.get("leak")), runs)


def scaled(rows: DataFrame, scale: Shown) -> DataFrame:
    """Return rows whose `value`, `low` and `high` are in the unit of a score.

    Args:
        rows: Any table with these.
        scale: How the score is shown.
    """
    ends = ["value", "low", "high"]
    return rows.assign(**{end: scale.factor * rows[end] for end in ends})


def probability(p: float) -> str:
    """Return a p as tables show it.

    >>> probability(0.0321), probability(0.0002), probability(float("nan"))
    ('.032', '<.001', '-')
    """
    if isnan(p):
        return "-"
    return "<.001" if p < 0.0005 else f"{p:.3f}".removeprefix("0")


def by_strategy(rows: DataFrame) -> DataFrame:
    """Return rows in the order of the strategies of a paper, others behind.

    Args:
        rows: Any table with the column `strategy`.
    """
    known = {name: place for place, name in enumerate(STRATEGIES)}
    order = rows["strategy"].map(lambda name: known.get(name, len(known)))
    return rows.iloc[order.argsort(kind="stable")]


def directions(rows: DataFrame) -> Iterator[tuple[str, str, DataFrame]]:
    """Yield a tag, a title and the rows of each study, direction and task.

    Args:
        rows: Any table with `study`, `source`, `target` and `task`.
    """
    by = ["study", "source", "target", "task"]
    tasks, studies = rows["task"].nunique() > 1, rows["study"].nunique() > 1
    groups = rows.groupby(by, sort=False, dropna=False)
    for number, ((study, source, target, task), of_direction) in enumerate(groups):
        title = " to ".join(filter(None, (source, target)))
        facts = [str(task)] * tasks + [f"study {study}"] * studies
        yield str(number + 1), ", ".join([title, *facts]), of_direction


def target_place(rows: DataFrame) -> str:
    """Return the role that is learnt for, the last one if none is named so.

    Args:
        rows: Any table with `place`.
    """
    roles = [place for place in dict.fromkeys(rows["place"]) if "/" not in place]
    return "target" if "target" in roles or not roles else roles[-1]


def averaged(rows: DataFrame, exclusions: DataFrame) -> DataFrame:
    """Return rows of runs that may be averaged, or that repeat others.

    Of runs that only differ in what they measure besides, all but one count as repeated
    where it is about scores, and may be the one with the distances.

    Args:
        rows: Any table with `run`.
        exclusions: `run`, and the `reason` why its scores are left out.
    """
    others = exclusions[~exclusions["reason"].str.startswith("repeated")]
    return rows[~rows["run"].isin(others["run"])]


def told_apart(rows: DataFrame, by: Sequence[str] = ("stage",)) -> DataFrame:
    """Return rows whose strategies name the condition where two bear one name.

    So conditions that differ in something else than encoder and strategy, such as a
    rate of learning, are never averaged or drawn as one.

    Args:
        rows: Any table with `encoder`, `strategy` and `condition`.
        by: Further columns; only what agrees in them needs to be told apart.
    """
    groups = rows.groupby(["encoder", "strategy", *by], dropna=False)["condition"]
    number = groups.transform(lambda one: one.factorize()[0])
    longer = rows["strategy"] + " (" + rows["condition"] + ")"
    return rows.assign(strategy=rows["strategy"].where(number == 0, longer))
