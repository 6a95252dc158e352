"""Two further views: the best layer by validation, and the commonest class."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from crossemo.probes.clips import TRAIN
from crossemo.probes.judgements import Judgements
from crossemo.probes.views import View

BEST = View("best", "encoder")
MAJORITY = View("majority", "majority")


def with_choices(judgements: Judgements) -> Judgements:
    """Return judgements with two further views, `best` and `majority`.

    The best layer is chosen among the encoder's hidden states for each fold and
    variant, by the UA on validation, so that test scores have no part in the choice.
    The majority is the class of most training clips.

    Args:
        judgements: Judgements of single views.
    """
    layers = layer_views(judgements.views)
    best = torch.tensor(layers)[judgements.recall[:, layers].argmax(1)]
    melodies = judgements.melodies
    return replace(
        judgements,
        said=_with_choices(judgements.said, judgements, best, ()),
        within=_with_choices(judgements.within, judgements, best, melodies),
        views=[*judgements.views, BEST, MAJORITY],
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
    """Return predictions of the views, the best layer and the majority.

    Args:
        predictions: `(conditions, views, variants, clips)` class indices.
        judgements: The judgements.
        best: `(roles, folds, variants)` view of the best layer.
        melodies: Classes to choose from for a clip of one of them; all if empty.

    Returns:
        `(conditions, views + 2, variants, clips)` class indices.
    """
    of_best = [
        _of_best(views, judgements, best, number)
        for number, views in enumerate(predictions)
    ]
    majority = _majority(judgements, melodies)
    return torch.cat((predictions, torch.stack(of_best)[:, None], majority), 1)


def _of_best(
    predictions: Tensor, judgements: Judgements, best: Tensor, number: int
) -> Tensor:
    """Return the prediction of the best layer of each clip's fold, `(variants, clips)`.

    Args:
        predictions: `(views, variants, clips)` class indices.
        judgements: The judgements.
        best: `(roles, folds, variants)` view of the best layer.
        number: Number of the condition.
    """
    role = judgements.names.index(judgements.conditions[number].trained)
    views = best[role][judgements.tested_in.clamp(min=0)].T  # (variants, clips)
    return predictions.gather(0, views[None])[0]


def _majority(judgements: Judgements, melodies: Sequence[Sequence[int]]) -> Tensor:
    """Return the commonest class of training, `(conditions, 1, variants, clips)`.

    Args:
        judgements: The judgements.
        melodies: Classes to choose from for a clip of one of them; all if empty.
    """
    predictions = torch.full_like(judgements.said[:, :1], -1)
    for number, condition in enumerate(judgements.conditions):
        trained = judgements.roles == judgements.names.index(condition.trained)
        judged = judgements.roles == judgements.names.index(condition.judged)
        for fold in range(len(judgements.parts)):
            train = judgements.labels[trained & (judgements.parts[fold] == TRAIN)]
            counts = train.bincount(minlength=len(judgements.classes))
            tested = judged & (judgements.tested_in == fold)
            for members in map(torch.tensor, melodies or [range(len(counts))]):
                clips = tested & torch.isin(judgements.labels, members)
                commonest = int(members[counts[members].argmax()])
                predictions[number, :, :, clips] = commonest
    return predictions
