"""Made-up judgements, and their scores by scikit-learn and SciPy."""

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
    """Judgements of probes of growing skill; each fold tests every third singer."""
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
    predictions = torch.where(knows, clips.targets, guessed)
    within = torch.where(
        predictions == 1, 0, predictions
    )  # calm and sad share a melody
    within[..., clips.targets == 1] = -1
    for number, condition in enumerate(conditions):
        unjudged = clips.roles != roles.index(condition.judged)
        predictions[number, :, :, unjudged] = within[number, :, :, unjudged] = -1
    choices = (len(roles), len(VIEWS), FOLDS, len(VARIANTS))
    return Judgements(
        said=predictions.short(),
        within=within.short(),
        validation=torch.rand(choices, generator=generator),
        choice=torch.full(choices, 1e-3),
        roles=clips.roles,
        targets=clips.targets,
        parts=parts,
        conditions=conditions,
        views=list(VIEWS),
        variants=list(VARIANTS),
        ids=clips.ids,
        groups=clips.groups,
        names=clips.names,
        task=clips.task,
        melodies=clips.melodies,
        about={},
    )


def of_two_folds(judgements: Judgements) -> Judgements:
    """The same without the last fold, whose singers are then never tested."""
    return replace(judgements, parts=judgements.parts[:2])


def recall(labels: Any, predictions: Any) -> float:
    """UA, without scikit-learn's warning of a class that is predicted and not there."""
    score = recall_score(labels, predictions, labels=np.unique(labels), average="macro")
    return float(score)


def by_fold(
    judgements: Judgements,
    condition: int,
    view: int,
    score: Callable[[Any, Any], float] = recall,
    variants: Sequence[int] = (0, 1),
    predictions: Tensor | None = None,
    without: Collection[str] = (),
) -> Any:
    """Scores of the clips that were judged, `(variants, folds)`."""
    whole = judgements.said if predictions is None else predictions
    classes = whole[condition, view].numpy()
    groups, labels = np.array(judgements.groups), judgements.targets.numpy()
    judged = (classes[0] >= 0) & ~np.isin(groups, list(without))
    tested = judgements.tested_in.numpy()
    return np.array(
        [
            [
                score(labels[i], classes[n][i])
                for f in range(FOLDS)
                if (i := judged & (tested == f)).any()
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
