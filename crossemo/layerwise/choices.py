"""Two further views: the best layer by validation, and the best guess."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from crossemo.probes.clips import TRAIN
from crossemo.probes.judgements import Judgements, unjudged
from crossemo.probes.views import View

BEST = View("best", "encoder")


def with_choices(judgements: Judgements) -> Judgements:
    """Return judgements with two further views, `best` and a constant.

    The best layer is chosen among the encoder's hidden states for each fold and
    variant, by the score on validation, so that test scores have no part in the choice.
    The constant is the task's guess of the training clips: the class of most, or their
    mean values.

    Args:
        judgements: Judgements of single views.
    """
    layers = layer_views(judgements.views)
    best = torch.tensor(layers)[judgements.validation[:, layers].argmax(1)]
    melodies = judgements.melodies
    within = judgements.within
    if melodies:
        within = _with_choices(within, judgements, best, melodies)
    constant = View(judgements.task.constant_name, "constant")
    return replace(
        judgements,
        said=_with_choices(judgements.said, judgements, best, ()),
        within=within,
        views=[*judgements.views, BEST, constant],
    )


def layer_views(views: Sequence[View]) -> list[int]:
    """Return the numbers of the views that are single hidden states of the encoder."""
    return [
        number
        for number, view in enumerate(views)
        if view.kind == "encoder" and view.layer is not None
    ]


def _with_choices(
    predictions: Tensor,
    judgements: Judgements,
    best: Tensor,
    melodies: Sequence[Sequence[int]],
) -> Tensor:
    """Return decisions of the views, the best layer and the constant.

    Args:
        predictions: `(conditions, views, variants, clips, ...)`.
        judgements: The judgements.
        best: `(roles, folds, variants)` view of the best layer.
        melodies: Classes to choose from for a clip of one of them; all if empty.

    Returns:
        `(conditions, views + 2, variants, clips, ...)`.
    """
    of_best = [
        _of_best(views, judgements, best, number)
        for number, views in enumerate(predictions)
    ]
    constant = _constant(judgements, melodies)
    return torch.cat((predictions, torch.stack(of_best)[:, None], constant), 1)


def _of_best(
    predictions: Tensor, judgements: Judgements, best: Tensor, number: int
) -> Tensor:
    """Return what the best layer of each clip's fold says, `(variants, clips, ...)`.

    Args:
        predictions: `(views, variants, clips, ...)`.
        judgements: The judgements.
        best: `(roles, folds, variants)` view of the best layer.
        number: Number of the condition.
    """
    role = judgements.names.index(judgements.conditions[number].trained)
    views = best[role][judgements.tested_in.clamp(min=0)].T  # (variants, clips)
    variants = torch.arange(len(views))[:, None]
    return predictions[views, variants, torch.arange(views.shape[1])]


def _constant(judgements: Judgements, melodies: Sequence[Sequence[int]]) -> Tensor:
    """Return the guess by training clips, `(conditions, 1, variants, clips, ...)`.

    Args:
        judgements: The judgements.
        melodies: Classes to choose from for a clip of one of them; all if empty.
    """
    targets, task = judgements.targets, judgements.task
    members = [torch.isin(targets, torch.tensor(melody)) for melody in melodies]
    members = members or [torch.ones_like(judgements.roles).bool()]
    shape = judgements.said[:, :1].shape[:4]
    predictions = unjudged(shape, task)
    for number, condition in enumerate(judgements.conditions):
        trained = judgements.roles == judgements.names.index(condition.trained)
        judged = judgements.roles == judgements.names.index(condition.judged)
        for fold in range(len(judgements.parts)):
            train = trained & (judgements.parts[fold] == TRAIN)
            tested = judged & (judgements.tested_in == fold)
            for there in members:
                guess = task.guess(targets[train & there]).to(predictions)
                predictions[number][:, :, tested & there] = guess
    return predictions
