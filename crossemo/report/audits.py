"""Table, paragraph and figure of an audit of protocols."""

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

from matplotlib.figure import Figure
from rich.table import Table as Printed

from crossemo.data.marks import SIGNS, sign_of
from crossemo.encoders.exposure import Marks
from crossemo.errors import listed
from crossemo.report.exhibits import Cell, Table, estimate, scale_of
from crossemo.report.panels import new_panels
from crossemo.report.style import (
    BLUE,
    GREY,
    ORANGE,
    hide_frame,
    mark_figure,
    name_ticks,
    styled,
)
from crossemo.report.tables import broken, plain_table

Row = Mapping[str, Any]
OWN = "whole units"
EQUAL = (
    "All protocols have the same features, the same model and as many clips of "
    "each class in every part."
)
MEANING = {  # of each protocol, as a sentence goes on
    "shared validation": "the validation clips that choose the epoch are of the units "
    "of training",
    "best test epoch": "the epoch is chosen on the tested clips themselves",
    "shuffled clips": "clips are dealt into the parts whatever unit they are of, so "
    "that training knows the units that are tested",
}
CAPTION = (
    "{} [95 % interval over units and repeats] ± standard deviation over repeats\n"
    "differences {} [95 % interval], paired by units and repeats"
)
COLUMNS = (  # a value and the ends of its interval
    ("value", "low", "high"),
    ("difference", "difference_low", "difference_high"),
)


def audit_table(rows: Sequence[Row]) -> Table:
    """Return a row for every corpus and protocol.

    Args:
        rows: Rows of `audit.csv`.
    """
    scale = scale_of(rows[0]["score"])
    columns = ["corpus", "protocol", scale.label, f"more than {OWN}"]
    lines = []
    for row in rows:
        cell = estimate({**row, "runs": ()}).text
        cells = [
            f"{row['corpus']}{sign_of(row)}",
            row["protocol"],
            f"{cell} ± {scale.text(row['repeat_sd'])}",
        ]
        lines.append([*map(Cell, cells), _difference(row)])
    return Table(columns, lines, 2)


def _difference(row: Row) -> Cell:
    if row["protocol"] == OWN:
        return Cell("")
    ends = {"low": row["difference_low"], "high": row["difference_high"]}
    return estimate({**row, **ends, "runs": ()}, "difference", "+")


def printed_table(rows: Sequence[Row]) -> Printed:
    """Return the same for the terminal.

    Args:
        rows: Rows of `audit.csv`.
    """
    shown, scale = audit_table(rows), scale_of(rows[0]["score"])
    table = plain_table(CAPTION.format(scale.label, scale.difference))
    for place, name in enumerate(shown.columns):
        named = place < shown.names
        table.add_column(name, justify="left" if named else "right", no_wrap=True)
    for line in shown.rows:
        if line[1].text == OWN and table.row_count:
            table.add_section()
        table.add_row(*(broken(cell.text, 40) for cell in line))
    return table


def audit_text(rows: Sequence[Row], features: str) -> str:
    """Return in plain words what the protocols are worth, a paragraph for each role.

    What an encoder knows of a role's clips stands above its paragraph.

    Args:
        rows: Rows of `audit.csv`.
        features: What is learnt from.
    """
    paragraphs: list[str] = []
    for one in _by_role(rows):
        known = (one[0].get(name) for name in SIGNS)
        paragraphs += [*filter(None, known), audit_paragraph(one, features)]
    return "\n\n".join([*paragraphs, EQUAL])


def _by_role(rows: Sequence[Row]) -> Iterator[list[Row]]:
    for role in dict.fromkeys(row["role"] for row in rows):
        yield [row for row in rows if row["role"] == role]


def audit_paragraph(rows: Sequence[Row], features: str) -> str:
    """Return in a paragraph what the protocols are worth on a corpus.

    Args:
        rows: Rows of `audit.csv` of one corpus.
        features: What is learnt from.
    """
    fair, *others = rows
    sentences = [
        f"On {fair['corpus']} ({fair['clips']} tested clips of {fair['units']} units), "
        f"a linear model of {features} reaches {_score(fair)} where whole units "
        "are apart and the epoch of training is chosen on validation units.",
        *map(_leak, others),
    ]
    if fair["clips"] == fair["units"]:
        sentences.append(
            "No unit has two clips, so shuffled clips are whole units too."
        )
    unsure = [row["protocol"] for row in others if not _shown(row)]
    if isnan(fair["low"]):
        sentences.append(
            "Fewer than three units are tested, so there are no intervals: these "
            "numbers are of these units alone."
        )
    elif unsure:
        sentences.append(
            f"The interval of the difference holds 0 for {listed(unsure, last=' and ')}"
            f": {fair['units']} units don't show one."
        )
    return " ".join(sentences)


def _leak(row: Row) -> str:
    scale = scale_of(row["score"])
    more = row["difference"] >= 0
    unit = " points" if scale.factor == 100 else ""
    size = scale.text(abs(row["difference"]))
    ends = sorted(
        (row["difference_low"], row["difference_high"])
        if more
        else (-row["difference_low"], -row["difference_high"])
    )
    interval = "" if isnan(ends[0]) else f" [{', '.join(map(scale.text, ends))}]"
    return (
        f"It reaches {scale.text(row['value'])}, {size}{unit} "
        f"{'more' if more else 'less'}{interval}, where {MEANING[row['protocol']]}."
    )


def _score(row: Row) -> str:
    unit = " %" if scale_of(row["score"]).factor == 100 else ""
    number, _, interval = estimate({**row, "runs": ()}).text.partition(" ")
    return f"a {row['score']} of {number}{unit} {interval}".rstrip()


def _shown(row: Row) -> bool:
    return bool(row["difference_low"] > 0 or row["difference_high"] < 0)


def audit_figures(
    rows: Sequence[Row], features: str, marks: Marks
) -> Iterator[tuple[str, Figure]]:
    """Yield a figure for every role.

    Args:
        rows: Rows of `audit.csv`.
        features: What is learnt from.
        marks: What is said of the scores of each role.
    """
    for fair, *others in _by_role(rows):
        mark = marks.at(fair["role"])
        title = f"{features}{mark.sign}\n{fair['corpus']} (n={fair['clips']})"
        figure = audit_figure([fair, *others], title)
        mark_figure(figure, mark)
        yield f"audit/{fair['role']}", figure


@styled()
def audit_figure(rows: Sequence[Row], title: str) -> Figure:
    """Draw what each protocol scores, and by how much more than crossemo's own.

    Args:
        rows: Rows of `audit.csv` of one role.
        title: Title of the figure.
    """
    scale = scale_of(rows[0]["score"])
    names = [scale.label, f"difference {scale.difference}"]
    figure, panels = new_panels(1, names, 1.6, title, sharey=True)
    for place, row in enumerate(rows):
        colour = BLUE if row["protocol"] == OWN else ORANGE
        for axes, (value, low, high) in zip(panels[0], COLUMNS, strict=True):
            point = scale.factor * row[value]
            bars = [[abs(scale.factor * row[end] - point)] for end in (low, high)]
            axes.errorbar(point, place, xerr=bars, fmt="o", ms=4, lw=2, color=colour)
    for axes, (value, _, _) in zip(panels[0], COLUMNS, strict=True):
        fair = scale.factor * rows[0][value]
        axes.axvline(fair, color=GREY, linestyle=":", linewidth=1.5)
        hide_frame(axes)
    first = panels[0][0]
    name_ticks(first.yaxis, [row["protocol"] for row in rows])
    first.invert_yaxis()
    first.margins(y=0.2)
    return figure
