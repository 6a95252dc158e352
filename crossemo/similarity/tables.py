"""Tables of estimates for pairs of emotions, and the rows that are written of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import torch
from torch import Tensor

from crossemo.metrics.cells import Cell
from crossemo.metrics.permutation import benjamini_hochberg

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """An estimate for every pair of emotions.

    Args:
        value: `(x emotions, y emotions)`; NaN where a cell has too few clips.
        low: Lower ends of the intervals, or None.
        high: Upper ends.
        p: p-values, or None.
        used: Clips in each set of a single distance, where not all are.
        replicates: `(blocks, x emotions, y emotions)` values without each block.
    """

    value: Tensor
    low: Tensor | None = None
    high: Tensor | None = None
    p: Tensor | None = None
    used: Tensor | None = None
    replicates: Tensor | None = None


@dataclass(frozen=True)
class Domain:
    """One of two domains.

    Args:
        name: Its name.
        counts: Clips (or frames) of each emotion.
        groups: Groups of each emotion.
    """

    name: str
    counts: Sequence[int]
    groups: Sequence[int]

    @classmethod
    def of(cls, name: str, cells: Sequence[Cell]) -> "Domain":
        """Return the domain of some cells."""
        groups = [len(set(cell.groups)) for cell in cells]
        return cls(name, [len(cell) for cell in cells], groups)


def table_rows(
    tables: Mapping[str, Table],
    sides: tuple[Domain, Domain],
    emotions: Sequence[str],
    pairs: Iterable[tuple[int, int]],
) -> list[Row]:
    """Return a row for every pair of emotions and every estimator."""
    rows = []
    x, y = sides
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
            parts = {
                part: nan if (one := getattr(table, part)) is None else float(one[i, j])
                for part in ("used", "value", "low", "high", "p")
            }
            rows.append(pair | {"estimator": name} | parts)
    return rows


def corrected(rows: Sequence[Row]) -> list[Row]:
    """Return rows with q, p corrected for the number of tests of a kind.

    Tests of a kind are those of one estimator over all layers and pairs of emotions,
    across the domains or within one of them.
    """
    q = torch.full((len(rows),), torch.nan, dtype=torch.float64)
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for number, row in enumerate(rows):
        kind = (row["estimator"], row["x_domain"], row["y_domain"])
        kinds.setdefault(kind, []).append(number)
    for numbers in kinds.values():
        p = torch.tensor([rows[n]["p"] for n in numbers], dtype=torch.float64)
        q[numbers] = benjamini_hochberg(p)
    return [row | {"q": value} for row, value in zip(rows, q.tolist(), strict=True)]
