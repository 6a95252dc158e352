"""Rows of `layers.csv`: scores of every view, with intervals over folds or groups."""

from collections.abc import Iterator, Sequence
from math import nan

import torch
from torch import Tensor

from crossemo.layerwise.conditions import (
    ConditionCounts,
    Row,
    condition_columns,
    count_condition,
)
from crossemo.metrics.binomial import binomial_reach
from crossemo.metrics.confusions import fold_counts
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.measure import Measure
from crossemo.metrics.recognition import unweighted_recall
from crossemo.probes.judgements import Judgements
from crossemo.probes.views import View
from crossemo.tasks import Task


def score_rows(judgements: Judgements) -> list[Row]:
    """Return a row for every condition, view and score, with an interval.

    A score is that of the test clips of a fold, averaged over folds and seeds. The
    interval is the jackknife's over folds, each of them whole groups (speakers, songs)
    and a probe of its own; with fewer than `MIN_GROUPS` folds it is over groups, and
    with fewer of these there is none. Nor is there one for shuffled targets, whose
    spread over shuffles is `seed_sd`. With few folds an interval may be narrower than
    the luck of single clips allows (`clip_noise`, see `binomial_reach`); the jackknife
    over groups stands beside it.

    Args:
        judgements: The judgements.
    """
    rows: list[Row] = []
    for number, condition in enumerate(judgements.conditions):
        for shuffled in (False, True):
            for name, counts, measure, chance in _measures(
                judgements, number, shuffled
            ):
                columns = condition_columns(condition) | {
                    "labels": "shuffled" if shuffled else "true",
                    "score": name,
                }
                interval = not shuffled and counts.has_interval
                for row in _rows(judgements.views, counts, measure, interval):
                    rows.append(columns | chance | row)
    return rows


def _measures(
    judgements: Judgements, number: int, shuffled: bool
) -> Iterator[tuple[str, ConditionCounts, Measure, Row]]:
    """Yield the name of each score, its counts, what it is and columns of chance."""
    if shuffled and all(shuffle is None for _, shuffle in judgements.variants):
        return
    task = judgements.task
    counts = count_condition(judgements, number, shuffled)
    none: Row = {"chance": nan, "chance_high": nan}
    guessing = _chance(task, counts.targets)
    measures = task.measures()
    for name, measure in measures.items():
        score, _, of_one = name.partition("/")
        if not (shuffled and of_one and score != task.headline):
            yield name, counts, measure, guessing if name == task.headline else none
    if shuffled:
        return
    for melody, members in enumerate(judgements.melodies):
        counts = count_condition(judgements, number, shuffled, melody)
        names = tuple(task.outputs[member] for member in members)
        ranks = torch.searchsorted(torch.tensor(sorted(members)), counts.targets)
        chance = _chance(task.of_outputs(names), ranks)
        name = f"{task.headline}/{'|'.join(names)}"
        yield name, counts, measures[task.headline], chance


def _chance(task: Task, targets: Tensor) -> Row:
    """Return the mean score of guessing, and the upper end of its interval."""
    return {"chance": task.chance, "chance_high": task.guessing(targets)[1]}


def _rows(
    views: Sequence[View], counts: ConditionCounts, measure: Measure, interval: bool
) -> Iterator[Row]:
    """Yield the columns of a score for every view."""
    score, least, most = measure
    scores = counts.scores(score)
    mean = scores.mean(-1)
    low = high = low_groups = high_groups = torch.full_like(mean, nan)
    if interval:
        low, high = jackknife_interval(mean, counts.replicates(score))
        over_groups = counts.replicates(score, counts.groups)
        low_groups, high_groups = jackknife_interval(mean, over_groups)
    by_fold_counts = fold_counts(counts.counts, counts.folds)
    by_fold = score(by_fold_counts).nanmean(1)
    noise = torch.full_like(mean, nan)
    if score is unweighted_recall:
        noise = binomial_reach(by_fold_counts).mean(-1)
    for place, view in enumerate(views):
        # A constant listens to no clip, so none can be lucky.
        of_clips = float(noise[place]) if view.kind != "constant" else nan
        yield {
            "view": view.name,
            "kind": view.kind,
            "layer": "" if view.layer is None else view.layer,
            "value": float(mean[place]),
            "low": float(low[place].clamp(min=least)),
            "high": float(high[place].clamp(max=most)),
            "low_groups": float(low_groups[place].clamp(min=least)),
            "high_groups": float(high_groups[place].clamp(max=most)),
            "clip_noise": of_clips,
            "fold_sd": _deviation(by_fold[place]),
            "seed_sd": _deviation(scores[place]),
            "folds": len(set(counts.folds.tolist())),
            "groups": len(counts.folds),
            "clips": len(counts.targets),
        }


def _deviation(values: Tensor) -> float:
    return float(values.std()) if len(values) > 1 else nan
