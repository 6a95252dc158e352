"""Rows of a study's tables: in order, in groups, told apart, averaged over runs."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pandas import DataFrame, Series, concat

from crossemo.report.exhibits import Row
from crossemo.report.layerwise_scale import Shown

STRATEGIES = ("baseline", "weighted sum", "PEFT", "full")
VALUES = ("value", "low", "high", "p", "by_trace", "weight", "chance", "chance_high")


def plain(rows: DataFrame) -> DataFrame:
    """Return rows whose texts are no categories, which would outlive a selection."""
    categories = rows.select_dtypes("category").columns
    return rows.astype(dict.fromkeys(categories, object))


def records(rows: DataFrame) -> list[dict[str, Any]]:
    """Return rows as mappings from their columns."""
    return [
        {str(name): value for name, value in row.items()}
        for row in rows.to_dict("records")
    ]


def extreme(rows: DataFrame, column: str, highest: bool = True) -> Row:
    """Return the row of the highest value, or of the lowest.

    Args:
        rows: Any rows.
        column: Of the value.
        highest: Or the lowest.
    """
    values = rows[column].to_numpy(float)
    place = np.nanargmax(values) if highest else np.nanargmin(values)
    return records(rows.iloc[[int(place)]])[0]


def grouped(
    rows: DataFrame, by: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], DataFrame]]:
    """Yield names and rows of each group, in order of appearance.

    Args:
        rows: Any rows.
        by: Columns of the names.
    """
    texts = rows[list(by)].astype(object).fillna("").astype(str)
    for names, members in rows.groupby([texts[name] for name in by], sort=False):
        yield tuple(map(str, names)), members


def distinct(rows: DataFrame, column: str) -> list[str]:
    """Return the values of a column, in order of appearance."""
    return list(map(str, dict.fromkeys(rows[column])))


def scaled(rows: DataFrame, scale: Shown) -> DataFrame:
    """Return rows whose `value`, `low` and `high` are in the unit of a score.

    Args:
        rows: Any table with these.
        scale: How the score is shown.
    """
    ends = ["value", "low", "high"]
    return rows.assign(**{end: scale.factor * rows[end] for end in ends})


def by_strategy(rows: DataFrame) -> DataFrame:
    """Return rows in the order of the strategies of a paper, others behind.

    Args:
        rows: Any table with the column `strategy`.
    """
    known = {name: place for place, name in enumerate(STRATEGIES)}
    order = rows["strategy"].map(lambda name: known.get(name, len(known)))
    return rows.iloc[order.argsort(kind="stable")]


def directions(rows: DataFrame) -> Iterator[tuple[str, str, DataFrame]]:
    """Yield a tag, a title and the rows of each study, direction and task.

    Args:
        rows: Any table with `study`, `source`, `target` and `task`.
    """
    if rows.empty:  # and, of no run at all, without columns
        return
    by = ["study", "source", "target", "task"]
    tasks, studies = rows["task"].nunique() > 1, rows["study"].nunique() > 1
    for number, (names, of_direction) in enumerate(grouped(rows, by)):
        study, source, target, task = names
        title = " to ".join(filter(None, (source, target)))
        facts = [task] * tasks + [f"study {study}"] * studies
        yield str(number + 1), ", ".join([title, *facts]), of_direction


def target_place(rows: DataFrame) -> str:
    """Return the role that is learnt for, the last one if none is named so.

    Args:
        rows: Any table with `place`.
    """
    roles = [place for place in dict.fromkeys(rows["place"]) if "/" not in place]
    return "target" if "target" in roles or not roles else roles[-1]


def averaged(rows: DataFrame, exclusions: DataFrame) -> DataFrame:
    """Return rows of runs whose distances may be averaged, whatever their folds.

    Of runs that only differ in what they measure besides, all but one count as repeated
    where it is about scores, and may be the one with the distances. Those of one fold
    may be there for their distances alone.

    Args:
        rows: Any table with `run`.
        exclusions: `run`, and the `reason` why its scores are left out.
    """
    of_scores = exclusions["reason"].str.startswith(("repeated", "incomplete"))
    others = exclusions[~of_scores]
    return rows[~rows["run"].isin(others["run"])]


def told_apart(rows: DataFrame, by: Sequence[str] = ("stage",)) -> DataFrame:
    """Return rows whose strategies name the condition where two bear one name.

    So conditions that differ in something else than encoder and strategy, such as a
    rate of learning, are never averaged or drawn as one.

    Args:
        rows: Any table with `encoder`, `strategy` and `condition`.
        by: Further columns; only what agrees in them needs to be told apart.
    """
    groups = rows.groupby(["encoder", "strategy", *by], dropna=False)["condition"]
    number = groups.transform(lambda one: one.factorize()[0])
    # A condition has one name, also in rows where nothing else bears it.
    number = number.groupby(rows["condition"], dropna=False).transform("max")
    longer = rows["strategy"] + " (" + rows["condition"] + ")"
    return rows.assign(strategy=rows["strategy"].where(number == 0, longer))


def over_runs(rows: DataFrame, by: Sequence[str]) -> DataFrame:
    """Return means over runs, with the `runs` that they are of.

    The interval is the mean of the runs' intervals. A p is the mean of theirs, twice of
    it where there are several, which holds however they depend on each other (Vovk &
    Wang, 2020, Combining p-values via averaging).

    Args:
        rows: Rows of a table of several runs.
        by: Columns that tell apart what isn't averaged.
    """
    values = [name for name in VALUES if name in rows]
    numbers = rows[values].astype(float)
    groups = concat([rows[[*by, "run"]], numbers], axis=1).groupby(
        list(by), sort=False, dropna=False
    )
    means = groups[values].mean()
    runs = [tuple(dict.fromkeys(of_group)) for _, of_group in groups["run"]]
    means["runs"] = Series(runs, means.index)
    if "p" in means:
        several = 1 + (means["runs"].map(len) > 1)
        means["p"] = (means["p"] * several).clip(upper=1)
    return means.reset_index()
