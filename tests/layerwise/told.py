"""Judgements that are made up, and their scores by scikit-learn and SciPy."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import torch
from scipy.stats import t
from sklearn.metrics import recall_score
from torch import Tensor

from crossemo.probes.clips import TEST, TRAIN, VAL
from crossemo.probes.judgements import Condition, Judgements
from crossemo.probes.views import View
from tests.probes.made_up import made_up

VIEWS = [
    View("0", "encoder", 0),
    View("1", "encoder", 1),
    View("2", "encoder", 2),
    View("random 0", "random", 0),
    View("random 2", "random", 2),
    View("level", "acoustic"),
]
VARIANTS = [(0, None), (1, None), (0, 0)]
FOLDS = 3
# The singers of each fold, and those of two folds one by one.
TESTED = [("singer-0", "singer-3"), ("singer-1", "singer-4"), ("singer-2", "singer-5")]
SINGLE = [("singer-0",), ("singer-1",), ("singer-3",), ("singer-4",)]


def made_up_judgements(
    seed: int = 0, roles: Sequence[str] = ("speech",), singers: int = 6
) -> Judgements:
    """What probes of growing skill say; each fold tests every third singer."""
    clips = made_up(singers, FOLDS, roles)
    singer = torch.tensor([int(group.partition("-")[2]) for group in clips.groups])
    places = (singer - torch.arange(FOLDS)[:, None]) % FOLDS
    parts = torch.where(places == 0, TEST, torch.where(places == 1, VAL, TRAIN))
    conditions = [Condition(role, role) for role in roles]
    conditions += [
        Condition(one, other, scaler)
        for one, other in permutations(roles, 2)
        for scaler in ("trained", "judged")
    ]
    generator = torch.Generator().manual_seed(seed)
    shape = (len(conditions), len(VIEWS), len(VARIANTS), len(clips.ids))
    guessed = torch.randint(3, shape, generator=generator)
    skill = torch.tensor([0.1, 0.3, 0.5, 0.0, 0.1, 0.3])[:, None, None]
    knows = torch.rand(shape, generator=generator) < skill
    said = torch.where(knows, clips.labels, guessed)
    within = torch.where(said == 1, 0, said)  # calm and sad share a melody
    within[..., clips.labels == 1] = -1
    for number, condition in enumerate(conditions):
        unjudged = clips.roles != roles.index(condition.judged)
        said[number, :, :, unjudged] = within[number, :, :, unjudged] = -1
    chosen = (len(roles), len(VIEWS), FOLDS, len(VARIANTS))
    return Judgements(
        said=said.short(),
        within=within.short(),
        recall=torch.rand(chosen, generator=generator),
        rate=torch.full(chosen, 1e-3),
        roles=clips.roles,
        labels=clips.labels,
        parts=parts,
        conditions=conditions,
        views=list(VIEWS),
        variants=list(VARIANTS),
        ids=clips.ids,
        groups=clips.groups,
        names=clips.names,
        classes=clips.classes,
        melodies=clips.melodies,
        about={},
    )


def of_two_folds(told: Judgements) -> Judgements:
    """The same without the last fold, whose singers are then never tested."""
    return replace(told, parts=told.parts[:2])


def recall(labels: Any, said: Any) -> float:
    """UA, without scikit-learn's warning of a class that is said and not there."""
    found = recall_score(labels, said, labels=np.unique(labels), average="macro")
    return float(found)


def by_fold(
    told: Judgements,
    condition: int,
    view: int,
    score: Callable[[Any, Any], float] = recall,
    variants: Sequence[int] = (0, 1),
    said: Tensor | None = None,
    without: Collection[str] = (),
) -> Any:
    """Scores of the clips that were judged, `(variants, folds)`."""
    own = (told.said if said is None else said)[condition, view].numpy()
    groups, labels = np.array(told.groups), told.labels.numpy()
    kept = (own[0] >= 0) & ~np.isin(groups, list(without))
    tested = told.tested_in.numpy()
    return np.array(
        [
            [
                score(labels[i], own[n][i])
                for f in range(FOLDS)
                if (i := kept & (tested == f)).any()
            ]
            for n in variants
        ]
    )


def jackknife(value: float, replicates: Sequence[float]) -> tuple[float, float, float]:
    """Ends of the interval and two-sided p of the difference from zero."""
    freedom = len(replicates) - 1
    error = (np.var(replicates) * freedom) ** 0.5
    low, high = t.interval(0.95, freedom, value, error)
    return float(low), float(high), float(2 * t.sf(abs(value) / error, freedom))
