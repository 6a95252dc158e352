"""Sentences on what limits the distances between two domains."""

from collections.abc import Iterator, Sequence
from math import isnan

from crossemo.similarity.tables import Row

ALPHA = 0.05
FRAMES = (
    "Distances of frames have neither intervals nor p-values, as frames of a clip "
    "depend on each other: measure clips too to say what is shown."
)


def warnings_of(rows: Sequence[Row]) -> list[str]:
    """Return warnings to a reader of the distances between clips.

    Args:
        rows: Rows of `fad.csv`.
    """
    across = [
        row
        for row in rows
        if row.get("unit") != "frame" and row["x_domain"] != row["y_domain"]
    ]
    of_frames = any(row.get("unit") == "frame" for row in rows)
    frames = [FRAMES] if of_frames else []
    plain = [row for row in across if row["estimator"] == "fad"]
    above = [row for row in across if row["estimator"] == "fad_above_chance"]
    estimated = [row for row in above if not isnan(row["value"])]
    sizes = [n for row in plain for n in (row["x_n"], row["y_n"]) if n]
    if not sizes:
        return frames
    return [
        *frames,
        *_of_sizes(sizes, plain[0]["width"], bool(estimated)),
        *_of_groups(estimated, len(above)),
    ]


def _of_sizes(sizes: Sequence[int], width: int, above: bool) -> Iterator[str]:
    """Warn of few and of unequal numbers of clips."""
    if min(sizes) <= width:
        advice = ": read fad_above_chance or kernel in fad.csv" if above else ""
        yield (
            f"Fréchet distances of {min(sizes)} clips in {width} dimensions mostly "
            f"measure how few clips there are{advice}."
        )
    if max(sizes) > min(sizes):
        yield (
            f"Emotions have {min(sizes)} to {max(sizes)} clips, so plain Fréchet "
            "distances can't be ranked as those of fad_matched can."
        )


def _of_groups(estimated: Sequence[Row], pairs: int) -> Iterator[str]:
    """Warn of pairs without a distance above chance, and of few groups."""
    if not estimated:
        yield (
            "No distance above chance can be estimated: it takes two speakers (or "
            "songs) with two clips of each emotion in each domain, so measure more of "
            "the clips."
        )
        return
    if missing := pairs - len(estimated):
        yield (
            f"{missing} of {pairs} pairs of emotions have no distance above "
            "chance: it takes two speakers (or songs) with two clips of an emotion."
        )
    tested = [row for row in estimated if row["least_p"] > ALPHA]
    if tested:
        least = max(row["least_p"] for row in tested)
        groups = min(n for row in tested for n in (row["x_groups"], row["y_groups"]))
        of = f" of {len(tested)} of {pairs} pairs" if len(tested) < pairs else ""
        yield (
            f"With {groups} speakers (or songs) nothing can be shown{of}: p can't be "
            f"below {least:.2g}. It takes six who are in both domains, or four other "
            "ones in each."
        )
