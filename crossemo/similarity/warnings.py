"""What a reader of distances must be told."""

from collections.abc import Iterator, Sequence
from math import isnan

from crossemo.similarity.tables import Row

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
