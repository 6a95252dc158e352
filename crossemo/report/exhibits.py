"""Exhibits of a report: tables whose numbers know their runs, and figures."""

from collections.abc import Mapping, Sequence
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


Row = Mapping[Any, Any]


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
        notes: What its signs mean, a footnote each.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    names: int = 1
    notes: Sequence[str] = ()

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

    @property
    def pixels(self) -> int:
        """How wide a page shows it: text of 8.5 points in 12 pixels."""
        return round(100 * self.figure.get_figwidth())


@dataclass(frozen=True)
class Exhibit:
    """A table, figures, or both.

    Args:
        tag: Name of its files, unique in a report.
        title: What it is of.
        text: How to read it.
        table: The table.
        pictures: The figures.
        notes: What the signs of both mean, a footnote each.
    """

    tag: str
    title: str
    text: str = ""
    table: Table | None = None
    pictures: Sequence[Picture] = field(default_factory=tuple)
    notes: Sequence[str] = ()


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


def probability(p: float) -> str:
    """Return a p as tables show it.

    >>> probability(0.0321), probability(0.0002), probability(float("nan"))
    ('.032', '<.001', '-')
    """
    if isnan(p):
        return "-"
    return "<.001" if p < 0.0005 else f"{p:.3f}".removeprefix("0")
