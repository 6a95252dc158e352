"""Paired differences: between layers, to references and between encoders."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import torch

from crossemo.layerwise.choices import BEST, layer_views
from crossemo.layerwise.comparable_runs import on_shared_clips
from crossemo.layerwise.conditions import (
    ConditionCounts,
    Row,
    condition_columns,
    count_condition,
)
from crossemo.metrics.jackknife import jackknife_interval, jackknife_variance
from crossemo.metrics.multiple_tests import benjamini_hochberg
from crossemo.metrics.student import student_p
from crossemo.probes.judgements import Judgements
from crossemo.probes.views import View


def pair_rows(judgements: Judgements) -> list[Row]:
    """Return a row for every pair of views worth comparing, under every condition.

    Pairs are those of two layers, of a layer and the same one with random weights, and
    of the best layer and each of the other references. Both judge the same clips, so
    the interval and p are the jackknife's over folds (see `score_rows`) of the
    difference itself, with Student's t; q is p corrected for the number of pairs of
    that kind (Benjamini & Hochberg, 1995). There is no row where there is no interval.

    In simulations of two layers that are alike, with 4 to 24 actors in 4 to 6 folds, p
    was below 0.05 in 4 to 6 % of runs, and intervals held the truth in 93 to 96 %
    (`tests.benchmarks.simulate_layers`).

    Args:
        judgements: The judgements, with the best layer.
    """
    rows: list[Row] = []
    for number, condition in enumerate(judgements.conditions):
        counts = count_condition(judgements, number, shuffled=False)
        if not counts.has_interval:
            continue
        for kind, pairs in _pairs(judgements.views).items():
            first, second = (list(side) for side in zip(*pairs, strict=True))
            differences = compare_views(counts, first, counts, second)
            for (one, other), difference in zip(pairs, differences, strict=True):
                names = {
                    "kind": kind,
                    "first": judgements.views[one].name,
                    "second": judgements.views[other].name,
                }
                rows.append(condition_columns(condition) | names | difference)
    return rows


def encoder_rows(runs: Sequence[tuple[str, Judgements]]) -> list[Row]:
    """Return a row for every pair of encoders, view and condition.

    The clips are those that all runs have judged. See `pair_rows` for the statistics
    and for when there is no row.

    Args:
        runs: Name and judgements, with the best layer, of each run.

    Raises:
        CrossEmoError: The runs can't be compared, see `on_shared_clips`.
    """
    names = [name for name, _ in runs]
    shared = on_shared_clips([judgements for _, judgements in runs])
    return [
        row
        for first, second in combinations(zip(names, shared, strict=True), 2)
        for row in _encoder_pair(first, second)
    ]


def _encoder_pair(
    first: tuple[str, Judgements], second: tuple[str, Judgements]
) -> Iterator[Row]:
    """Yield a row for every condition and view of two encoders on the same clips."""
    names = {"first": first[0], "second": second[0]}
    one, other = first[1], second[1]
    # Acoustic references are those of the clips, whatever the encoder.
    views = [
        view
        for view in one.views
        if view in other.views and view.kind in ("encoder", "random")
    ]
    one_views, other_views = (
        [run.views.index(view) for view in views] for run in (one, other)
    )
    for condition in one.conditions:
        counts, other_counts = (
            count_condition(run, run.conditions.index(condition), shuffled=False)
            for run in (one, other)
        )
        if counts.has_interval:
            columns = condition_columns(condition) | names
            rows = compare_views(counts, one_views, other_counts, other_views)
            for view, row in zip(views, rows, strict=True):
                yield columns | {"view": view.name} | row


def compare_views(
    first: ConditionCounts,
    first_views: Sequence[int],
    second: ConditionCounts,
    second_views: Sequence[int],
) -> list[Row]:
    """Return how much higher the headline score is for views of the second.

    Args:
        first: Counts of some clips.
        first_views: Numbers of its views.
        second: Counts of the same clips.
        second_views: Numbers of as many of its views.

    Returns:
        For each pair of views the difference by the name of the score, `low`, `high`,
        `p` and `q`.
    """
    headline = first.task.headline
    score = first.task.measures()[headline].score
    value = (
        second.scores(score).mean(-1)[second_views]
        - first.scores(score).mean(-1)[first_views]
    )
    replicates = (
        second.replicates(score)[:, second_views]
        - first.replicates(score)[:, first_views]
    )
    low, high = jackknife_interval(value, replicates)
    error = jackknife_variance(replicates).sqrt()
    # No spread at all is no evidence where there is no difference but by rounding.
    t = torch.where(value.abs() < 1e-12, 0, value / error)
    p = student_p(t, len(replicates) - 1)
    columns = torch.stack((value, low, high, p, benjamini_hochberg(p)), 1)
    names = (headline, "low", "high", "p", "q")
    return [dict(zip(names, row, strict=True)) for row in columns.tolist()]


def _pairs(views: Sequence[View]) -> dict[str, list[tuple[int, int]]]:
    """Return the numbers of the views of each pair, by kind of pair."""
    place = {view.name: number for number, view in enumerate(views)}
    layers = layer_views(views)
    pairs = {
        "two layers": list(combinations(layers, 2)),
        "random and trained weights": [
            (place[name], layer)
            for layer in layers
            if (name := f"random {views[layer].name}") in place
        ],
        "reference and best layer": [
            (place[view.name], place[BEST.name])
            for view in views
            if view.kind in ("acoustic", "constant")
        ],
    }
    return {kind: numbers for kind, numbers in pairs.items() if numbers}
