"""Scores of every view, with intervals over groups."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import nan
from typing import Any

import torch
from torch import Tensor

from crossemo.metrics.confusions import (
    fold_counts,
    group_counts,
    mean_over_folds,
    without_each_block,
)
from crossemo.metrics.intervals import MIN_GROUPS, chance_interval
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.recognition import SCORES, class_recall, unweighted_recall
from crossemo.probes.judgements import Judgements

Row = dict[str, Any]
Score = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Told:
    """What all views said under one condition, counted.

    Args:
        counts: `(views, variants, groups, classes, classes)` confusion counts.
        folds: `(groups,)` fold that tests each group.
        labels: `(clips,)` classes of the judged clips.
    """

    counts: Tensor
    folds: Tensor
    labels: Tensor

    def scores(self, score: Score) -> Tensor:
        """Return a score, averaged over folds: `(views, variants)`."""
        return mean_over_folds(self.counts, self.folds, score)

    @property
    def blocks(self) -> Tensor:
        """What intervals are over: folds or, with too few of them, groups, `(groups,)`.

        All groups of a fold are judged by one probe, and share its luck.
        """
        enough = len(set(self.folds.tolist())) >= MIN_GROUPS
        return self.folds if enough else torch.arange(len(self.folds))

    @property
    def sure(self) -> bool:
        """Whether there are blocks enough for an interval."""
        return len(set(self.blocks.tolist())) >= MIN_GROUPS

    def replicates(self, score: Score) -> Tensor:
        """Return it, averaged over variants, without each block: `(blocks, views)`."""
        left = without_each_block(self.counts, self.blocks)
        return mean_over_folds(left, self.folds, score).mean(-1)


def count_told(
    judgements: Judgements, number: int, shuffled: bool, melody: int | None = None
) -> Told:
    """Count what was said under one condition.

    Args:
        judgements: The judgements.
        number: Number of the condition.
        shuffled: Whether of the probes that learnt shuffled labels.
        melody: Number of the melody whose classes alone were to choose from; None for
            all classes.
    """
    judged = judgements.names.index(judgements.conditions[number].judged)
    here = (judgements.roles == judged) & (judgements.tested_in >= 0)
    said = judgements.said
    if melody is not None:
        members = torch.tensor(judgements.melodies[melody])
        here &= torch.isin(judgements.labels, members)
        said = judgements.within
    clips = here.nonzero().flatten()
    names = sorted({judgements.groups[clip] for clip in clips.tolist()})
    place = {name: n for n, name in enumerate(names)}
    groups = torch.tensor([place[judgements.groups[clip]] for clip in clips.tolist()])
    folds = torch.zeros(len(names), dtype=torch.long)
    folds[groups] = judgements.tested_in[clips]
    variants = [
        n for n, (_, s) in enumerate(judgements.variants) if (s is not None) == shuffled
    ]
    told = said[number][:, variants][:, :, clips]
    labels = judgements.labels[clips]
    classes = len(judgements.classes)
    counts = group_counts(labels, told, groups, len(names), classes)
    return Told(counts, folds, labels)


def score_rows(judgements: Judgements) -> list[Row]:
    """Return a row for every condition, view and score, with an interval.

    A score is that of the test clips of a fold, averaged over folds and seeds. The
    interval is the jackknife's over folds, each of them whole groups (speakers, songs)
    and a probe of its own; with fewer than `MIN_GROUPS` folds it is over groups, and
    with fewer of these there is none. Nor is there one for shuffled labels, whose
    spread over shuffles is `seed_sd`.

    Args:
        judgements: The judgements.
    """
    rows: list[Row] = []
    for number, condition in enumerate(judgements.conditions):
        for shuffled in (False, True):
            for name, told, score, chance in _measures(judgements, number, shuffled):
                tags = {
                    "trained_on": condition.trained,
                    "judged_on": condition.judged,
                    "scaler": condition.scaler,
                    "labels": "shuffled" if shuffled else "true",
                    "score": name,
                } | chance
                found = _rows(judgements, told, score, not shuffled and told.sure)
                rows += [tags | row for row in found]
    return rows


def _measures(
    judgements: Judgements, number: int, shuffled: bool
) -> Iterator[tuple[str, Told, Score, Row]]:
    """Yield each score's name, what it is of, how it is computed and what is chance."""
    if shuffled and all(shuffle is None for _, shuffle in judgements.variants):
        return
    classes = judgements.classes
    whole = count_told(judgements, number, shuffled)
    none: Row = {"chance": nan, "chance_high": nan}
    guessed = _chance(whole.labels, len(classes))
    yield from (
        (name, whole, score, guessed if name == "UA" else none)
        for name, score in SCORES.items()
    )
    if shuffled:
        return
    for index, emotion in enumerate(classes):
        yield f"recall/{emotion}", whole, partial(class_recall, index=index), none
    for melody, members in enumerate(judgements.melodies):
        told = count_told(judgements, number, shuffled, melody)
        name = "UA/" + "|".join(classes[member] for member in members)
        ranks = torch.searchsorted(torch.tensor(sorted(members)), told.labels)
        yield name, told, unweighted_recall, _chance(ranks, len(members))


def _chance(labels: Tensor, classes: int) -> Row:
    """Return the UA of guessing, and what it stays below."""
    high = chance_interval(labels, classes)[1]
    return {"chance": 1 / classes, "chance_high": high}


def _rows(
    judgements: Judgements, told: Told, score: Score, sure: bool
) -> Iterator[Row]:
    values = told.scores(score)
    middle = values.mean(-1)
    low = high = torch.full_like(middle, nan)
    if sure:
        low, high = jackknife_interval(middle, told.replicates(score))
    by_fold = score(fold_counts(told.counts, told.folds)).nanmean(1)  # over variants
    for place, view in enumerate(judgements.views):
        yield {
            "view": view.name,
            "kind": view.kind,
            "layer": "" if view.layer is None else view.layer,
            "value": float(middle[place]),
            "low": float(low[place].clamp(min=0)),
            "high": float(high[place].clamp(max=1)),
            "fold_sd": _spread(by_fold[place]),
            "seed_sd": _spread(values[place]),
            "folds": len(set(told.folds.tolist())),
            "groups": len(told.folds),
            "clips": len(told.labels),
        }


def _spread(values: Tensor) -> float:
    return float(values.std()) if len(values) > 1 else nan
