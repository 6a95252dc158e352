"""Paired differences of UA: between layers, from references, and between encoders."""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor

from crossemo.layerwise.choices import BEST
from crossemo.layerwise.scores import Row, Told, count_told
from crossemo.layerwise.shared import on_shared_clips
from crossemo.metrics.jackknife import jackknife_interval, jackknife_variance
from crossemo.metrics.multiple_tests import benjamini_hochberg
from crossemo.metrics.recognition import unweighted_recall
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
        told = count_told(judgements, number, shuffled=False)
        if not told.sure:
            continue
        tags: Row = {
            "trained_on": condition.trained,
            "judged_on": condition.judged,
            "scaler": condition.scaler,
        }
        for kind, pairs in _pairs(judgements.views).items():
            first, second = (list(side) for side in zip(*pairs, strict=True))
            found = compare_views(told, first, told, second)
            for (one, other), row in zip(pairs, found, strict=True):
                names = {
                    "first": judgements.views[one].name,
                    "second": judgements.views[other].name,
                }
                rows.append(tags | {"kind": kind} | names | row)
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
    rows: list[Row] = []
    for (one, first), (other, second) in combinations(
        zip(names, shared, strict=True), 2
    ):
        for condition in first.conditions:
            # Acoustic references are those of the clips, whatever the encoder.
            views = [
                view
                for view in first.views
                if view in second.views and view.kind in ("encoder", "random")
            ]
            own, others = (
                count_told(side, side.conditions.index(condition), shuffled=False)
                for side in (first, second)
            )
            if not own.sure:
                continue
            found = compare_views(
                own,
                [first.views.index(view) for view in views],
                others,
                [second.views.index(view) for view in views],
            )
            tags: Row = {
                "trained_on": condition.trained,
                "judged_on": condition.judged,
                "scaler": condition.scaler,
                "first": one,
                "second": other,
            }
            for view, row in zip(views, found, strict=True):
                rows.append(tags | {"view": view.name} | row)
    return rows


def compare_views(
    first: Told, first_views: Sequence[int], second: Told, second_views: Sequence[int]
) -> list[Row]:
    """Return how much higher UA is for views of the second than of the first.

    Args:
        first: What was said of some clips.
        first_views: Views of it.
        second: What was said of the same clips.
        second_views: As many views of it.

    Returns:
        For each pair of views `UA`, `low`, `high`, `p` and `q`.
    """
    value, replicates = (
        how(second)[..., second_views] - how(first)[..., first_views]
        for how in (_mean, _replicates)
    )
    low, high = jackknife_interval(value, replicates)
    error = jackknife_variance(replicates).sqrt()
    # No spread at all is no evidence where there is no difference but by rounding.
    t = torch.where(value.abs() < 1e-12, 0, value / error)
    p = student_p(t, len(replicates) - 1)
    columns = torch.stack((value, low, high, p, benjamini_hochberg(p)), 1)
    names = ("UA", "low", "high", "p", "q")
    return [dict(zip(names, row, strict=True)) for row in columns.tolist()]


def _mean(told: Told) -> Tensor:
    return told.scores(unweighted_recall).mean(-1)


def _replicates(told: Told) -> Tensor:
    return told.replicates(unweighted_recall)


def _pairs(views: Sequence[View]) -> dict[str, list[tuple[int, int]]]:
    place = {view.name: number for number, view in enumerate(views)}
    layers = [v.name for v in views if v.kind == "encoder" and v.layer is not None]
    found = {
        "two layers": list(combinations([place[name] for name in layers], 2)),
        "random and trained weights": [
            (place[f"random {name}"], place[name])
            for name in layers
            if f"random {name}" in place
        ],
        "reference and best layer": [
            (place[view.name], place[BEST.name])
            for view in views
            if view.kind in ("acoustic", "majority")
        ],
    }
    return {kind: pairs for kind, pairs in found.items() if pairs}
