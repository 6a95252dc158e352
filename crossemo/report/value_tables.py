"""Tables of results on values for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from crossemo.metrics.names import AGREEMENT
from crossemo.report.tables import broken, number, place_names, plain_table


def values_table(results: Mapping[str, Any]) -> Table:
    """Return the scores of values of a run, one row for every stage and role.

    The mean CCC is followed by its interval, and each output's by its RMSE.

    Args:
        results: The content of `results.json`, as `results_table` takes it.
    """
    outputs = results["values"]["outputs"]
    table = plain_table(_caption(results))
    for name in ("stage", "role", "corpus"):
        table.add_column(name, no_wrap=True)
    columns = [f"{AGREEMENT} [95 %]"]
    columns += [name for output in outputs for name in (output, "RMSE")]
    for name in (*columns, "clips"):
        table.add_column(name, justify="right", no_wrap=True)
    for stage, test in results["stages"].items():
        for place, scores in test["scores"].items():
            names = map(broken, place_names(results, stage, place))
            table.add_row(*names, *map(Text, _cells(scores, outputs)))
        table.add_section()
    return table


def value_comparisons_table(results: Mapping[str, Any]) -> Table:
    """Return the differences of the mean CCC between stages, and to training alone.

    Args:
        results: The content of `results.json`, of which `comparisons` is read.
    """
    table = plain_table(f"differences of the mean {AGREEMENT} on the same clips")
    for name in ("", "stage", "than", "role"):
        table.add_column(name, no_wrap=True)
    table.add_column(f"{AGREEMENT} [95 %]", justify="right", no_wrap=True)
    for row in results["comparisons"]:
        low, high = (f"{end:+.3f}" for end in row[f"{AGREEMENT}_interval"])
        names = (row["what"], row["stage"], row["than"], row["role"])
        difference = f"{row[AGREEMENT]:+.3f} [{low}, {high}]"
        table.add_row(*map(broken, names), Text(difference))
    return table


def _caption(results: Mapping[str, Any]) -> str:
    scales = {
        name: "{low:g} to {high:g} about {middle:g}".format(**scale)
        for role in results.get("roles", {}).values()
        for name, scale in role.get("scales", {}).items()
    }
    published = "; ".join(f"{name} {scale}" for name, scale in scales.items())
    return (
        f"{AGREEMENT}: the mean, then each output's with its RMSE; on -1 to 1 about the"
        f" middle of each\ncorpus's own scale ({published})\n"
        "*: over clips, as there are fewer than three groups"
    )


def _cells(scores: Mapping[str, Any], outputs: list[str]) -> list[str]:
    mean = number(scores[AGREEMENT])
    low, high = map(number, scores[f"{AGREEMENT}_interval"])
    star = "*" if scores[f"{AGREEMENT}_interval_unit"] == "clip" else ""
    pairs = [(f"{AGREEMENT}/{name}", f"RMSE/{name}") for name in outputs]
    alone = [number(scores[name]) for pair in pairs for name in pair]
    return [f"{mean} [{low}, {high}]{star}", *alone, str(scores["n"])]
