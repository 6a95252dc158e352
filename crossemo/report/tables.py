"""Tables of results for the terminal."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import isnan, nan
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from crossemo.cache import Entry
from crossemo.data.marks import sign_of
from crossemo.metrics.names import HEADLINE

CAPTION = (
    "per cent; chance: the UA that guessing stays below; F1: macro mean; "
    "*: over clips, as there are fewer than three groups"
)

RELIABILITY = (
    "per cent; ECE: expected calibration error; calibrated: with the temperature that "
    "validation gave; unlike: warned of as unlike the validation clips; *: over clips"
)

_ABSENT = dict.fromkeys(("value", "low", "high", "p"), nan)  # a measure without a row


def plain_table(caption: str = "") -> Table:
    """Return an empty table in the style of all: without vertical lines."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    # Text, because rich would read brackets in a plain string as markup
    table.caption = Text(caption, "table.caption") if caption else None
    table.caption_justify = "left"
    return table


def show(table: Table) -> None:
    """Print a table whose words and numbers stay whole, wherever it is printed.

    Where a terminal is narrower than that, it is the terminal that breaks the lines.
    """
    console = Console()
    free = console.options.update(width=10_000)
    console.width = max(console.width, Measurement.get(console, free, table).maximum)
    console.print(table)


def title_of(marks: Iterable[str]) -> Text | None:
    """Return the title of tables whose clips the weights know; None where they don't.

    Args:
        marks: What is said of them, see `Mark`; a leak is red.
    """
    text = "\n".join(dict.fromkeys(filter(None, marks)))
    style = "bold red" if "LEAK" in text else "bold yellow"
    return Text(text, style) if text else None


def broken(name: str, width: int = 16) -> Text:
    r"""Return a name in lines of some width, broken behind hyphens and the like.

    >>> str(broken("memo2496-song-annotations"))
    'memo2496-song-\nannotations'
    """
    lines = [""]
    for part in re.findall(r"[^-_/ ]*[-_/ ]|[^-_/ ]+", name):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return Text("\n".join(line.rstrip(" ") for line in lines))


def results_table(results: Mapping[str, Any]) -> Table:
    """Return the scores of a run, one row for every stage and role.

    UA is followed by its interval; `chance` is the upper end of what guessing reaches.
    All are in per cent.

    Args:
        results: The content of `results.json`: `stages` holds, for each stage, the
            `scores` of each role, and of each corpus of several in it, by
            `ROLE/CORPUS`; `roles` names the `corpus` of each role. Missing values and
            NaN are shown as a dash.
    """
    table = plain_table(CAPTION)
    for name in ("stage", "role", "corpus"):
        table.add_column(name, no_wrap=True)
    for name in (f"{HEADLINE} [95 %]", "chance", "WA", "F1", "clips"):
        table.add_column(name, justify="right", no_wrap=True)
    for stage, test in results["stages"].items():
        for place, scores in test["scores"].items():
            names = map(broken, place_names(results, stage, place))
            table.add_row(*names, *map(Text, _cells(scores)))
        table.add_section()
    return table


def reliability_table(results: Mapping[str, Any]) -> Table | None:
    """Return how right a model was about its own certainty, and what it was warned of.

    Args:
        results: The content of `results.json`, see `results_table`.

    Returns:
        None where no test has these scores.
    """
    table = plain_table(RELIABILITY)
    for name in ("stage", "role", "corpus"):
        table.add_column(name, no_wrap=True)
    for name in ("ECE", "calibrated", "unlike [95 %]"):
        table.add_column(name, justify="right", no_wrap=True)
    for stage, test in results["stages"].items():
        for place, scores in test["scores"].items():
            errors = (_percent(scores.get(n)) for n in ("ECE", "ECE_calibrated"))
            cells = [*errors, _share(scores, "unfamiliar")]
            if set(cells) != {"-"}:
                names = map(broken, place_names(results, stage, place))
                table.add_row(*names, *map(Text, cells))
        table.add_section()
    return table if table.row_count else None


def place_names(results: Mapping[str, Any], stage: str, place: str) -> Sequence[str]:
    """Return the stage, the role and the corpus of a row of scores.

    Args:
        results: The content of `results.json`.
        stage: Name of the stage.
        place: The role, or `ROLE/CORPUS`.
    """
    test = results["stages"][stage]
    marks = {**test, **test["scores"].get(place, {})}
    name = f"{stage} (LEAK)" if marks.get("leak") else f"{stage}{sign_of(marks)}"
    roles = results.get("roles", {})
    role, _, corpus = place.partition("/")
    if role not in roles:  # whose name may hold a slash
        role, corpus = place, ""
    facts = roles.get(role, {})
    together = "all" if "corpora" in facts else facts.get("corpus", "-")
    return name, role, corpus or together


def comparisons_table(results: Mapping[str, Any]) -> Table:
    """Return the differences of UA between stages, and to training alone.

    Args:
        results: The content of `results.json`, of which `comparisons` is read.
    """
    table = plain_table("differences of UA on the same clips, in points")
    for name in ("", "stage", "than", "role"):
        table.add_column(name, no_wrap=True)
    table.add_column(f"{HEADLINE} [95 %]", justify="right", no_wrap=True)
    for row in results["comparisons"]:
        low, high = (f"{100 * end:+.1f}" for end in row[f"{HEADLINE}_interval"])
        difference = f"{100 * row[HEADLINE]:+.1f} [{low}, {high}]"
        names = (row["what"], row["stage"], row["than"], row["role"])
        table.add_row(*map(broken, names), Text(difference))
    return table


def similarity_table(measures: Sequence[Mapping[str, Any]]) -> Table:
    """Return the measures of every hidden state.

    Args:
        measures: Rows of `similarity.csv` of one stage.
    """
    table = plain_table(
        "kernel, FAD: distance of the same emotion, FAD above chance in mean traces\n"
        "var.: over emotions, of the distance of means, and p of its dependence on "
        "them\nsame: nearest is the same emotion, %; p ≤ .05: shown, by exchanges of "
        "speakers"
    )
    table.add_column("layer", no_wrap=True)
    titles = ("kernel", "p", "FAD [95 %]", "p", "var.", "p", "same", "p")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    distances = [row for row in measures if row["measure"] == "same_emotion_distance"]
    for place in dict.fromkeys(map(_place, distances)):
        rows = {
            (row["estimator"].split("_")[0], row["measure"]): row
            for row in measures
            if _place(row) == place
        }
        kernel = rows.get(("kernel", "same_emotion_distance"), _ABSENT)
        distance = rows.get(("fad", "same_emotion_distance"), _ABSENT)
        nearest = rows.get(("fad", "nearest_emotion"), _ABSENT)
        cells = (
            number(kernel["value"]),
            number(kernel["p"]),
            _estimate(distance),
            number(distance["p"]),
            number(rows.get(("fad", "emotion_variance"), _ABSENT)["value"]),
            number(rows.get(("fad", "emotion_dependence"), _ABSENT)["p"]),
            _percent(nearest["value"]),
            number(nearest["p"]),
        )
        table.add_row(broken(place.replace("mixture", "mix")), *map(Text, cells))
    return table


def _place(measure: Mapping[str, Any]) -> str:
    """Return the layer of a measure, with its domains where there are several pairs."""
    domains = ", ".join(measure[k] for k in ("x_domain", "y_domain") if k in measure)
    return f"{domains}: {measure['layer']}" if domains else str(measure["layer"])


def cache_table(entries: Sequence[Entry]) -> Table:
    """Return the entries of the cache, with the total of every kind."""
    table = plain_table()
    for name in ("kind", "folder", "of"):
        table.add_column(name, no_wrap=True)
    for name in ("MB", "used"):
        table.add_column(name, justify="right", no_wrap=True)
    for kind in dict.fromkeys(entry.kind for entry in entries):
        of_kind = [entry for entry in entries if entry.kind == kind]
        for entry in of_kind:
            used = datetime.fromtimestamp(entry.used, UTC).strftime("%Y-%m-%d")
            size = f"{entry.size / 1e6:.1f}"
            # the digests of folders and commits differ in their beginnings
            about = re.sub("[0-9a-f]{40}", lambda digest: digest[0][:12], entry.about)
            names = (kind, entry.folder.name[:12], about)
            table.add_row(*map(broken, names), Text(size), Text(used))
        total = f"{sum(entry.size for entry in of_kind) / 1e6:.1f}"
        table.add_row(Text(f"all {kind}"), "", "", Text(total), "")
        table.add_section()
    return table


def _estimate(row: Mapping[str, Any]) -> str:
    value, low, high = (number(row[column]) for column in ("value", "low", "high"))
    return value if low == "-" else f"{value} [{low}, {high}]"


def number(value: float) -> str:
    """Return a number with three decimals, or a dash.

    >>> number(0.45678), number(float("nan"))
    ('0.457', '-')
    """
    return "-" if isnan(value) else f"{value:.3f}"


def _cells(scores: Mapping[str, Any]) -> tuple[str, ...]:
    chance = scores.get(f"{HEADLINE}_chance")
    return (
        _share(scores, HEADLINE),
        _percent(chance[1] if chance else None),
        _percent(scores.get("WA")),
        _percent(scores.get("macro_F1")),
        str(scores.get("n", "-")),
    )


def _share(scores: Mapping[str, Any], name: str) -> str:
    """Return a share with its interval, as far as there are any."""
    share = _percent(scores.get(name))
    if interval := scores.get(f"{name}_interval"):
        # Of the clips alone, where there are too few groups to be of any.
        star = "*" if scores.get(f"{name}_interval_unit") == "clip" else ""
        share += f" [{', '.join(map(_percent, interval))}]{star}"
    return share


def _percent(share: float | None) -> str:
    """Return a share in per cent, or a dash.

    >>> _percent(0.4567)
    '45.7'
    """
    return "-" if share is None or isnan(share) else f"{100 * share:.1f}"
