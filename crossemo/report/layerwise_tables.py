"""Tables of the layerwise analysis for the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from rich.table import Table
from rich.text import Text

from crossemo.data.marks import sign_of
from crossemo.report.layerwise_scale import Shown
from crossemo.report.tables import broken, plain_table

CAPTION = """\
{} ± half its 95 % interval{}
best: the layer chosen on validation, fold by fold
a → b: learnt from a, b standardised by its own clips, no tested ones
shuffled: mean over the states of probes that learnt shuffled {}"""
SCALE = "(mean over the values, each from -1 to 1 about the middle of its scale)"
NARROW = "* less than the binomial noise of the clips would allow"
ENCODER_CAPTION = """\
{} of the layer chosen on validation{} ± half its 95 % interval
differences on the same clips; q: p corrected for the number of layers"""
Row = Mapping[str, Any]
Rows = Sequence[Row]


def layer_table(scores: Rows, corpora: Mapping[str, str], protocol: str = "") -> Table:
    """Return the headline score of every view under every condition.

    Args:
        scores: Rows of `layers.csv`.
        corpora: Name of the corpus in each role.
        protocol: How the probes came about, for the notes.
    """
    names, shown = short_names(corpora), Shown.of(scores)
    columns = _columns(scores, names)
    notes = filter(None, (_caption(columns, shown), _narrow_note(columns), protocol))
    table = _table("state", columns, "\n".join(notes))
    kind = ""
    for view, row in next(iter(columns.values())).items():
        if kind not in ("", row["kind"]):
            table.add_section()
        kind = row["kind"]
        cells = [_cell(column[view], shown) for column in columns.values()]
        table.add_row(Text(view), *map(Text, cells))
    shuffled = _columns(scores, names, "shuffled")
    if shuffled:
        cells = [_mean(shuffled.get(name, {}), shown) for name in columns]
        table.add_row(Text("shuffled"), *map(Text, cells))
    first = [next(iter(column.values())) for column in columns.values()]
    if not any(isnan(row["chance_high"]) for row in first):
        table.add_section()
        table.add_row("guess <", *(shown.text(row["chance_high"]) for row in first))
    return table


def _caption(columns: Iterable[str], shown: Shown) -> str:
    among = "; a|b: only these to choose from" * any("|" in name for name in columns)
    unit = " in per cent" if shown.factor == 100 else f" {SCALE}"
    return CAPTION.format(shown.score + unit, among, shown.targets)


def _table(first: str, columns: Iterable[str], caption: str) -> Table:
    table = plain_table(caption)
    table.add_column(first, no_wrap=True)
    for name in columns:
        heading = Text("\n").join(map(broken, name.split("\n")))
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def encoder_table(
    scores: Mapping[str, Rows], pairs: Rows, corpora: Mapping[str, str]
) -> Table:
    """Return the score of each encoder's best layer, and how encoders differ in it.

    Args:
        scores: Rows of `layers.csv` by name of the encoder.
        pairs: Rows of `encoder_pairs.csv`.
        corpora: Name of the corpus in each role.
    """
    names, shown = short_names(corpora), Shown.of(next(iter(scores.values())))
    best = {
        encoder: {
            name: column["best"] for name, column in _columns(rows, names).items()
        }
        for encoder, rows in scores.items()
    }
    columns = [
        name
        for name, row in next(iter(best.values())).items()
        if "/" not in row["score"]
    ]
    unit = ", per cent" * (shown.factor == 100)
    table = _table("encoder", columns, ENCODER_CAPTION.format(shown.score, unit))
    for encoder, cells in best.items():
        table.add_row(
            broken(encoder, 24), *(Text(_cell(cells[name], shown)) for name in columns)
        )
    table.add_section()
    for pair, differences in _differences(pairs, names, shown).items():
        texts = (Text(differences.get(name, "-")) for name in columns)
        table.add_row(broken(pair, 24), *texts)
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
    scores: Rows, names: Mapping[str, str], labels: str = "true"
) -> dict[str, dict[str, Row]]:
    """Return the rows of the headline by view, by name of the condition."""
    columns: dict[str, dict[str, Row]] = {}
    headline = scores[0]["score"]
    for row in scores:
        score, _, of_some = row["score"].partition("/")
        across = row["trained_on"] != row["judged_on"]
        if score != headline or row["labels"] != labels or (of_some and across):
            continue
        if _has_column(row):
            name = _name(row, names) + sign_of(row)
            name += "\n" + of_some.replace("|", "|\n") if of_some else ""
            columns.setdefault(name, {})[row["view"]] = row
    return columns


def _has_column(row: Row) -> bool:
    """Return whether the row is of a condition that has a column."""
    return bool(row["trained_on"] == row["judged_on"] or row["scaler"] == "judged")


def _name(row: Row, names: Mapping[str, str]) -> str:
    """Return the name of the condition."""
    judged = names[row["judged_on"]]
    if row["trained_on"] == row["judged_on"]:
        return judged
    return f"{names[row['trained_on']]}\n→ {judged}"


def _differences(
    pairs: Rows, names: Mapping[str, str], shown: Shown
) -> dict[str, dict[str, str]]:
    """Return the differences of the best layers, by pair and name of the condition."""
    differences: dict[str, dict[str, str]] = {}
    for row in pairs:
        if row["view"] == "best":
            pair = f"{row['second']} - {row['first']}"
            cells = differences.setdefault(pair, {})
            if _has_column(row):
                cells[_name(row, names)] = _difference(row, shown)
    return differences


def _difference(row: Row, shown: Shown) -> str:
    reach = shown.reach((row["high"] - row["low"]) / 2)
    value = row[shown.score]
    q = "<0.01" if row["q"] < 0.01 else f"{row['q']:.2f}"
    return f"{'-' if value < 0 else '+'}{shown.text(abs(value))}±{reach}\nq {q}"


def _mean(column: Mapping[str, Row], shown: Shown) -> str:
    """Return the mean over the hidden states, or a dash."""
    rows = [row for row in column.values() if row["kind"] == "encoder"]
    layers = [row["value"] for row in rows if row["layer"] != ""]
    return shown.text(sum(layers) / len(layers)) if layers else "-"


def _cell(row: Row, shown: Shown) -> str:
    # where there is little room
    digits = shown.decimals[1] if "/" in row["score"] else shown.decimals[0]
    value = shown.text(row["value"], digits)
    if isnan(row["low"]):
        return value
    return f"{value}±{shown.reach(_reach(row))}{'*' * _is_narrow(row)}"


def _narrow_note(columns: Mapping[str, Mapping[str, Row]]) -> str:
    """Return a note on too narrow intervals over folds, with those over groups."""
    narrow = {
        " ".join(name.split()): [row for row in rows.values() if _is_narrow(row)]
        for name, rows in columns.items()
    }
    over_groups = {
        name: [
            f"{r['view']} ±{100 * _reach(r, '_groups'):.0f}" for r in rows if _few(r)
        ]
        for name, rows in narrow.items()
    }
    texts = [f"{name}: {', '.join(rows)}" for name, rows in over_groups.items() if rows]
    listed = "; over groups instead: " * bool(texts) + "; ".join(texts)
    return (NARROW + listed) * any(narrow.values())


def _few(row: Row) -> bool:
    """Return whether folds are fewer than groups, which have an interval as well."""
    return bool(row["folds"] < row["groups"])


def _reach(row: Row, over: str = "") -> float:
    """Return how far an interval reaches from its score."""
    value = row["value"]
    return float(max(row[f"high{over}"] - value, value - row[f"low{over}"]))


def _is_narrow(row: Row) -> bool:
    """Return whether the interval is narrower than the clips' binomial noise."""
    return bool(_reach(row) < row["clip_noise"])
