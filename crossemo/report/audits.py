"""Table, paragraph and figure of an audit of protocols."""

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

from matplotlib.figure import Figure
from rich.table import Table as Printed

from crossemo.errors import listed
from crossemo.report.exhibits import Cell, Table, estimate, scale_of
from crossemo.report.style import (
    BLUE,
    GREY,
    ORANGE,
    hide_frame,
    name_ticks,
    new_axes,
    set_title,
    styled,
)
from crossemo.report.tables import broken, plain_table

Row = Mapping[str, Any]
OWN = "whole units"
MEANING = {  # of each protocol, as a sentence goes on
    "shared validation": "the validation clips that choose the epoch are of the units "
    "of training",
    "best test epoch": "the epoch is chosen on the tested clips themselves",
    "shuffled clips": "clips are dealt into the parts whatever unit they are of, so "
    "that training knows the units that are tested",
}
CAPTION = (
    "{} [95 % interval over units and repeats] ± standard deviation over repeats;\n"
    "differences {}, paired by units and repeats"
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
            row["corpus"],
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
        side = "left" if place < shown.names else "right"
        table.add_column(name, justify=side, no_wrap=True)
    for line in shown.rows:
        if line[1].text == OWN and table.row_count:
            table.add_section()
        table.add_row(*(broken(cell.text, 40) for cell in line))
    return table


def audit_paragraph(rows: Sequence[Row], features: str) -> str:
    """Return in a paragraph what the protocols are worth on a corpus.

    Args:
        rows: Rows of `audit.csv` of one corpus.
        features: What the classifier got.
    """
    own, *others = rows
    sentences = [
        f"On {own['corpus']} ({own['clips']} tested clips of {own['units']} units), a "
        f"linear classifier of {features} reaches {_score(own)} where whole units "
        "are apart and the epoch of training is chosen on validation units.",
        *map(_leak, others),
    ]
    unsure = [row["protocol"] for row in others if not _shown(row)]
    if isnan(own["low"]):
        sentences.append(
            "Fewer than three units are tested, so there are no intervals: these "
            "numbers are of these units alone."
        )
    elif unsure:
        sentences.append(
            f"The interval of the difference holds 0 for {listed(unsure, last=' and ')}"
            f": {own['units']} units don't show one."
        )
    sentences.append(
        "All protocols have the same features, classifier and numbers of clips of "
        "each class in every part."
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
        f"It reaches {scale.text(row['value'])}, {size}{unit}{interval} "
        f"{'more' if more else 'less'}, where {MEANING[row['protocol']]}."
    )


def _score(row: Row) -> str:
    unit = " %" if scale_of(row["score"]).factor == 100 else ""
    number, _, interval = estimate({**row, "runs": ()}).text.partition(" ")
    return f"a {row['score']} of {number}{unit} {interval}".rstrip()


def _shown(row: Row) -> bool:
    return bool(row["difference_low"] > 0 or row["difference_high"] < 0)


def audit_figures(rows: Sequence[Row], features: str) -> Iterator[tuple[str, Figure]]:
    """Yield a figure for every role.

    Args:
        rows: Rows of `audit.csv`.
        features: What the classifier got.
    """
    for role in dict.fromkeys(row["role"] for row in rows):
        of_role = [row for row in rows if row["role"] == role]
        first = of_role[0]
        title = f"{features}\n{first['corpus']} (n={first['clips']})"
        yield f"audit/{role}", audit_figure(of_role, title)


@styled()
def audit_figure(rows: Sequence[Row], title: str) -> Figure:
    """Draw what each protocol scores, with its interval.

    Args:
        rows: Rows of `audit.csv` of one role.
        title: Title of the figure.
    """
    scale = scale_of(rows[0]["score"])
    figure, axes = new_axes()
    for place, row in enumerate(rows):
        value = scale.factor * row["value"]
        bars = [[abs(scale.factor * row[end] - value)] for end in ("low", "high")]
        colour = BLUE if row["protocol"] == OWN else ORANGE
        axes.errorbar(value, place, xerr=bars, fmt="o", ms=4, lw=2, color=colour)
    own = scale.factor * rows[0]["value"]
    axes.axvline(own, color=GREY, linestyle=":", linewidth=1.5)
    name_ticks(axes.yaxis, [row["protocol"] for row in rows])
    axes.invert_yaxis()
    axes.margins(y=0.2)
    axes.set_xlabel(scale.label)
    hide_frame(axes)
    set_title(figure, title)
    return figure
