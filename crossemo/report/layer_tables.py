"""Tables of the layerwise analysis for the terminal."""

from collections.abc import Collection, Mapping, Sequence
from math import isnan
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

CAPTION = (
    "UA in per cent ± half its 95 % interval; best: the layer chosen on validation, "
    "fold by fold; →: standardised by the training clips of what is judged; a|b: "
    "only these to choose from"
)
ENCODER_CAPTION = (
    "UA of the layer chosen on validation, per cent ± half its 95 % interval; "
    "differences on the same clips, p corrected for all views"
)
Row = Mapping[str, Any]
Rows = Sequence[Row]


def layer_table(
    scores: Rows, corpora: Mapping[str, str], sung: Collection[str] = ()
) -> Table:
    """Return the UA of every view under every condition.

    Args:
        scores: Rows of `layers.csv`.
        corpora: Name of the corpus in each role.
        sung: Roles for which to show the UA within melodies too.
    """
    columns = _columns(scores, short_names(corpora), sung)
    table = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, caption=CAPTION
    )
    table.add_column("state", no_wrap=True)
    for name in columns:
        table.add_column(Text(name), justify="right")
    kind = ""
    for view, row in next(iter(columns.values())).items():
        if kind not in ("", row["kind"]):
            table.add_section()
        kind = row["kind"]
        cells = [_cell(column[view]) for column in columns.values()]
        table.add_row(Text(view), *map(Text, cells))
    first = [next(iter(column.values())) for column in columns.values()]
    table.add_section()
    table.add_row("guess <", *(f"{100 * row['chance_high']:.1f}" for row in first))
    return table


def encoder_table(
    scores: Mapping[str, Rows], pairs: Rows, corpora: Mapping[str, str]
) -> Table:
    """Return the UA of each encoder's best layer, and how encoders differ in it.

    Args:
        scores: Rows of `layers.csv` by name of the encoder.
        pairs: Rows of `encoder_pairs.csv`.
        corpora: Name of the corpus in each role.
    """
    names = short_names(corpora)
    best = {
        encoder: {n: c["best"] for n, c in _columns(rows, names, ()).items()}
        for encoder, rows in scores.items()
    }
    table = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, caption=ENCODER_CAPTION
    )
    table.add_column("encoder")
    columns = list(next(iter(best.values())))
    for name in columns:
        table.add_column(Text(name), justify="right")
    for encoder, cells in best.items():
        table.add_row(Text(encoder), *(Text(_cell(cells[name])) for name in columns))
    table.add_section()
    told = [row for row in pairs if row["view"] == "best"]
    for both in dict.fromkeys((row["first"], row["second"]) for row in told):
        own = [row for row in told if (row["first"], row["second"]) == both]
        found = {_name(row, names): _difference(row) for row in own if _shown(row)}
        differences = [Text(found[name]) for name in columns]
        table.add_row(Text(f"{both[1]} - {both[0]}"), *differences)
    return table


def short_names(corpora: Mapping[str, str]) -> dict[str, str]:
    """Return the corpora's names by role, without what they all begin with.

    >>> short_names({"source": "ravdess-speech", "target": "ravdess-song"})
    {'source': 'speech', 'target': 'song'}
    """
    heads = {name.partition("-")[0] for name in corpora.values()}
    alike = len(heads) == 1 < len(corpora) and all("-" in n for n in corpora.values())
    return {
        role: name.partition("-")[2] if alike else name
        for role, name in corpora.items()
    }


def _columns(
    scores: Rows, names: Mapping[str, str], sung: Collection[str]
) -> dict[str, dict[str, Row]]:
    columns: dict[str, dict[str, Row]] = {}
    for row in scores:
        score, _, melody = row["score"].partition("/")
        wanted = score == "UA" and row["labels"] == "true" and _shown(row)
        across = row["trained_on"] != row["judged_on"]
        if melody and (across or row["judged_on"] not in sung):
            continue
        if wanted:
            name = _name(row, names)
            name += "\n" + melody.replace("|", "|\n") if melody else ""
            columns.setdefault(name, {})[row["view"]] = row
    return columns


def _shown(row: Row) -> bool:
    """Return whether the row is of a condition that tables show."""
    return bool(row["trained_on"] == row["judged_on"] or row["scaler"] == "judged")


def _name(row: Row, names: Mapping[str, str]) -> str:
    """Return the name of the condition."""
    judged = names[row["judged_on"]]
    if row["trained_on"] == row["judged_on"]:
        return judged
    return f"{names[row['trained_on']]} → {judged}"


def _difference(row: Row) -> str:
    reach = 100 * (row["high"] - row["low"]) / 2
    return f"{100 * row['UA']:+.1f}±{reach:.0f}\np {row['q']:.2f}"


def _cell(row: Row) -> str:
    value = f"{100 * row['value']:.1f}"
    if isnan(row["low"]):
        return value
    reach = max(row["high"] - row["value"], row["value"] - row["low"])
    return f"{value}±{100 * reach:.0f}"
