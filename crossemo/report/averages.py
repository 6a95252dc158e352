"""Averages over the runs of one condition: its folds and seeds."""

from collections.abc import Sequence

from pandas import DataFrame, concat

VALUES = ("value", "low", "high", "p", "by_trace", "weight", "chance", "chance_high")


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
    means["runs"] = groups["run"].agg(lambda one: tuple(dict.fromkeys(one)))
    if "p" in means:
        several = 1 + (means["runs"].map(len) > 1)
        means["p"] = (means["p"] * several).clip(upper=1)
    return means.reset_index()
