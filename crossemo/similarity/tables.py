"""Tables of estimates for pairs of emotions, and the rows that are written of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import torch
from torch import Tensor

from crossemo.distances.cells import Cell
from crossemo.metrics.multiple_tests import benjamini_hochberg

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


ENOUGH = 6  # groups for a permutation test at 5 %


def warnings_of(rows: Sequence[Row]) -> list[str]:
    """Return what a reader of the distances between clips must be told."""
    clips = [row for row in rows if row.get("unit") != "frame"]
    between = [row for row in clips if row["x_domain"] != row["y_domain"]]
    plain = [row for row in between if row["estimator"] == "fad"]
    above = [row for row in between if row["estimator"] == "fad_above_chance"]
    told = [row for row in above if not isnan(row["value"])]
    sizes = [n for row in plain for n in (row["x_n"], row["y_n"]) if n]
    if not sizes:
        return []
    found = list(_of_clips(sizes, plain[0]["width"], bool(told)))
    if not told:
        found.append(
            "Nothing above chance can be told: it takes two speakers (or songs) with "
            "two clips of each emotion in each domain, so measure more of the clips."
        )
        return found
    if untold := len(above) - len(told):
        found.append(
            f"{untold} of {len(above)} pairs of emotions have no distance above "
            "chance: it takes two speakers (or songs) with two clips of an emotion."
        )
    groups = min(n for row in told for n in (row["x_groups"], row["y_groups"]))
    if groups < ENOUGH:
        found.append(
            f"With {groups} speakers (or songs) p-values can't be small: where both "
            f"domains have the same ones, none is below {2 ** (1 - groups):.2g}."
        )
    return found


def _of_clips(sizes: Sequence[int], width: int, told: bool) -> Iterator[str]:
    if min(sizes) <= width:
        advice = ": read fad_above_chance or kernel in fad.csv" if told else ""
        yield (
            f"Fréchet distances of {min(sizes)} clips in {width} dimensions mostly "
            f"measure how few clips there are{advice}."
        )
    if max(sizes) > min(sizes):
        yield (
            f"Emotions have {min(sizes)} to {max(sizes)} clips, so plain Fréchet "
            "distances can't be ranked as those of fad_matched can."
        )
