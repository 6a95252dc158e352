"""The table of an encoder's checks."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from crossemo.errors import shortened
from crossemo.report.tables import plain_table

_STYLES = {"fault": "bold red", "note": "yellow", "not checked": "dim", "sound": ""}


def checks_table(rows: Sequence[Mapping[str, str]]) -> Table:
    """Return a row for every check.

    Args:
        rows: `check`, `measured`, `bound` and `verdict` of each.
    """
    table = plain_table()
    for name in ("checked", "measured", "bound", "verdict"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        cells = row["check"], shortened(row["measured"]), row["bound"]
        verdict = Text(row["verdict"], _STYLES[row["verdict"]])
        table.add_row(*map(Text, cells), verdict)
    return table
