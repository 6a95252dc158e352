"""Tables of results for the terminal."""

from collections.abc import Mapping
from math import isnan
from typing import Any

from rich.table import Table
from rich.text import Text

COLUMNS = ("UA [95 %]", "chance", "WA", "macro F1", "clips")


def results_table(results: Mapping[str, Any]) -> Table:
    """Return the scores of a run, one row for every stage and role.

    UA is followed by its interval; `chance` is the upper end of what guessing reaches.
    All are in per cent.

    Args:
        results: The content of `results.json`: `stages` holds, for each stage, the
            `scores` of each role; `roles` names the `corpus` of each role. What is
            missing or not a number is shown as a dash.
    """
    table = Table(
        caption="Per cent; chance: what guessing reaches in 95 % of draws at most"
    )
    for name in ("stage", "role", "corpus"):
        table.add_column(name)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    roles = results.get("roles", {})
    for stage, test in results["stages"].items():
        for number, (role, scores) in enumerate(test["scores"].items()):
            corpus = roles.get(role, {}).get("corpus", "-")
            names = (stage if number == 0 else "", role, corpus)
            # Text, because rich would read brackets in a plain string as markup
            table.add_row(*(Text(str(cell)) for cell in (*names, *_cells(scores))))
        table.add_section()
    return table


def _cells(scores: Mapping[str, Any]) -> tuple[str, ...]:
    recall = _percent(scores.get("UA"))
    if interval := scores.get("UA_interval"):
        recall += f" [{', '.join(map(_percent, interval))}]"
    chance = scores.get("UA_chance")
    return (
        recall,
        _percent(chance[1] if chance else None),
        _percent(scores.get("WA")),
        _percent(scores.get("macro_F1")),
        str(scores.get("n", "-")),
    )


def _percent(share: float | None) -> str:
    """Return a share in per cent, or a dash.

    >>> _percent(0.4567)
    '45.7'
    """
    return "-" if share is None or isnan(share) else f"{100 * share:.1f}"
