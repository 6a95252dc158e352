"""Rows of `layers.csv`: scores of every view, with intervals over folds or groups."""

from collections.abc import Iterator, Sequence
from functools import partial
from math import nan

import torch
from torch import Tensor

from crossemo.layerwise.conditions import (
    ConditionCounts,
    Row,
    Score,
    condition_columns,
    count_condition,
)
from crossemo.metrics.binomial import binomial_reach
from crossemo.metrics.confusions import fold_counts
from crossemo.metrics.intervals import chance_interval
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.names import HEADLINE
from crossemo.metrics.recognition import SCORES, class_recall, unweighted_recall
from crossemo.probes.judgements import Judgements
from crossemo.probes.views import View


def score_rows(judgements: Judgements) -> list[Row]:
    """Return a row for every condition, view and score, with an interval.

    A score is that of the test clips of a fold, averaged over folds and seeds. The
    interval is the jackknife's over folds, each of them whole groups (speakers, songs)
    and a probe of its own; with fewer than `MIN_GROUPS` folds it is over groups, and
    with fewer of these there is none. Nor is there one for shuffled labels, whose
    spread over shuffles is `seed_sd`. With few folds an interval may be narrower than
    the luck of single clips allows (`clip_noise`, see `binomial_reach`); the jackknife
    over groups stands beside it.

    Args:
        judgements: The judgements.
    """
    rows: list[Row] = []
    for number, condition in enumerate(judgements.conditions):
        for shuffled in (False, True):
            for name, counts, score, chance in _measures(judgements, number, shuffled):
                columns = condition_columns(condition) | {
                    "labels": "shuffled" if shuffled else "true",
                    "score": name,
                }
                interval = not shuffled and counts.has_interval
                for row in _rows(judgements.views, counts, score, interval):
                    rows.append(columns | chance | row)
    return rows


def _measures(
    judgements: Judgements, number: int, shuffled: bool
) -> Iterator[tuple[str, ConditionCounts, Score, Row]]:
    """Yield the name of each score, its counts, function and columns of chance."""
    if shuffled and all(shuffle is None for _, shuffle in judgements.variants):
        return
    classes = judgements.classes
    counts = count_condition(judgements, number, shuffled)
    none: Row = {"chance": nan, "chance_high": nan}
    guessing = _chance(counts.labels, len(classes))
    yield from (
        (name, counts, score, guessing if name == HEADLINE else none)
        for name, score in SCORES.items()
    )
    if shuffled:
        return
    for index, emotion in enumerate(classes):
        yield f"recall/{emotion}", counts, partial(class_recall, index=index), none
    for melody, members in enumerate(judgements.melodies):
        counts = count_condition(judgements, number, shuffled, melody)
        joined = "|".join(classes[member] for member in members)
        ranks = torch.searchsorted(torch.tensor(sorted(members)), counts.labels)
        name = f"{HEADLINE}/{joined}"
        yield name, counts, unweighted_recall, _chance(ranks, len(members))


def _chance(labels: Tensor, classes: int) -> Row:
    """Return the mean UA of guessing, and the upper end of its interval."""
    high = chance_interval(labels, classes)[1]
    return {"chance": 1 / classes, "chance_high": high}


def _rows(
    views: Sequence[View], counts: ConditionCounts, score: Score, interval: bool
) -> Iterator[Row]:
    """Yield the columns of a score for every view."""
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
        # The majority listens to no clip, so none can be lucky.
        of_clips = float(noise[place]) if view.kind != "majority" else nan
        yield {
            "view": view.name,
            "kind": view.kind,
            "layer": "" if view.layer is None else view.layer,
            "value": float(mean[place]),
            "low": float(low[place].clamp(min=0)),
            "high": float(high[place].clamp(max=1)),
            "low_groups": float(low_groups[place].clamp(min=0)),
            "high_groups": float(high_groups[place].clamp(max=1)),
            "clip_noise": of_clips,
            "fold_sd": _deviation(by_fold[place]),
            "seed_sd": _deviation(scores[place]),
            "folds": len(set(counts.folds.tolist())),
            "groups": len(counts.folds),
            "clips": len(counts.labels),
        }


def _deviation(values: Tensor) -> float:
    return float(values.std()) if len(values) > 1 else nan
