"""Tables of estimates for pairs of emotions, and the rows of `fad.csv`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import torch
from torch import Tensor

from crossemo.metrics.multiple_tests import benjamini_hochberg
from crossemo.similarity.domains import Domain, FrameDomain

Row = dict[str, Any]

_KIND = ("unit", "layer", "estimator", "x_domain", "y_domain")


@dataclass(frozen=True)
class Table:
    """An estimate for every pair of emotions.

    Args:
        value: `(x emotions, y emotions)`; NaN where a cell has too few clips.
        low: Lower ends of the intervals, or None.
        high: Upper ends.
        p: p-values, or None.
        used: Clips in each set of a single distance, where these are not all.
        replicates: `(blocks, x emotions, y emotions)` values without each block.
        exchanged: `(1 + draws, x emotions, y emotions)` the statistic of the test as it
            is, and for every exchange of groups.
        by_trace: The same in units of the layer's mean trace.
        least_p: The smallest p that so many groups can give.
    """

    value: Tensor
    low: Tensor | None = None
    high: Tensor | None = None
    p: Tensor | None = None
    used: Tensor | None = None
    replicates: Tensor | None = None
    exchanged: Tensor | None = None
    by_trace: "Table | None" = None
    least_p: Tensor | None = None


def table_rows(
    tables: Mapping[str, Table],
    x: Domain | FrameDomain,
    y: Domain | FrameDomain,
    emotions: Sequence[str],
    pairs: Iterable[tuple[int, int]],
) -> list[Row]:
    """Return a row for every pair of emotions and every estimator.

    Args:
        tables: Estimates by name.
        x: The domain of the tables' rows.
        y: The domain of their columns; may be `x` itself.
        emotions: Names of the emotions.
        pairs: Numbers of the emotions of x and y.
    """
    rows = []
    for i, j in pairs:
        pair = {
            "x_domain": x.name,
            "x_emotion": emotions[i],
            "y_domain": y.name,
            "y_emotion": emotions[j],
            "x_n": x.counts[i],
            "y_n": y.counts[j],
            "x_groups": x.groups[i],
            "y_groups": y.groups[j],
        }
        for name, table in tables.items():
            rows.append(pair | {"estimator": name} | _columns(table, i, j))
    return rows


def _columns(table: Table, i: int, j: int) -> dict[str, float]:
    by_trace = table.by_trace
    columns = {
        "used": table.used,
        "value": table.value,
        "low": table.low,
        "high": table.high,
        "by_trace": by_trace.value if by_trace else None,
        "by_trace_low": by_trace.low if by_trace else None,
        "by_trace_high": by_trace.high if by_trace else None,
        "p": table.p,
        "least_p": table.least_p,
    }
    return {
        name: nan if values is None else float(values[i, j])
        for name, values in columns.items()
    }


def corrected(rows: Sequence[Row]) -> list[Row]:
    """Return rows with the column q: p corrected for the number of tests of a kind.

    Tests of a kind are those of one estimator in one hidden state, over all pairs of
    emotions of two domains.
    """
    q = torch.full((len(rows),), torch.nan, dtype=torch.float64)
    kinds: dict[tuple[str, ...], list[int]] = {}
    for number, row in enumerate(rows):
        kind = tuple(str(row.get(name)) for name in _KIND)
        kinds.setdefault(kind, []).append(number)
    for numbers in kinds.values():
        p = torch.tensor([rows[n]["p"] for n in numbers], dtype=torch.float64)
        q[numbers] = benjamini_hochberg(p)
    return [row | {"q": value} for row, value in zip(rows, q.tolist(), strict=True)]


def domains_of(row: Mapping[str, Any], domains: Sequence[str]) -> list[str]:
    """Return the two domains that a row of `fad.csv` or `similarity.csv` is of.

    Args:
        row: The row.
        domains: All domains; measures of two don't name them.
    """
    first, second = domains[:2]
    return [row.get("x_domain", first), row.get("y_domain", second)]
