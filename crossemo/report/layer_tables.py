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


def short_names(corpora: Mapping[str, str]) -> dict[str, str]:
    """Return the corpora's names by role, without what they all begin with.

    >>> short_names({"source": "ravdess-speech", "target": "ravdess-song"})
    {'source': 'speech', 'target': 'song'}
    """
    heads = {name.partition("-")[0] for name in corpora.values()}
    alike = len(heads) == 1 and len(corpora) > 1
    return {
        role: name.partition("-")[2] if alike else name
        for role, name in corpora.items()
    }


def _columns(
    scores: Rows, names: Mapping[str, str], sung: Collection[str]
) -> dict[str, dict[str, Row]]:
    columns: dict[str, dict[str, Row]] = {}
    for row in scores:
        across = row["trained_on"] != row["judged_on"]
        score, _, melody = row["score"].partition("/")
        wanted = score == "UA" and row["labels"] == "true"
        if melody and (across or row["judged_on"] not in sung):
            continue
        if wanted and not (across and row["scaler"] == "trained"):
            name = f"{names[row['trained_on']]} → " * across + names[row["judged_on"]]
            name += "\n" + melody.replace("|", "|\n") if melody else ""
            columns.setdefault(name, {})[row["view"]] = row
    return columns


def _cell(row: Row) -> str:
    value = f"{100 * row['value']:.1f}"
    if isnan(row["low"]):
        return value
    reach = max(row["high"] - row["value"], row["value"] - row["low"])
    return f"{value}±{100 * reach:.0f}"
