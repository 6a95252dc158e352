"""The choice of the best layer, and of the commonest class."""

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
    variant, by the UA on validation, so that its test score is that of a layer that was
    not picked by test scores. The majority is the class of most training clips.

    Args:
        judgements: Judgements of single views.
    """
    places = [
        number
        for number, view in enumerate(judgements.views)
        if view.kind == "encoder" and view.layer is not None
    ]
    chosen = torch.tensor(places)[judgements.recall[:, places].argmax(1)]
    told = []
    for all_said, melodies in (
        (judgements.said, ()),
        (judgements.within, judgements.melodies),
    ):
        best = [_pick(one, judgements, chosen, n) for n, one in enumerate(all_said)]
        most = _majority(judgements, melodies)
        told.append(torch.cat((all_said, torch.stack(best)[:, None], most), 1))
    return replace(
        judgements,
        said=told[0],
        within=told[1],
        views=[*judgements.views, BEST, MAJORITY],
    )


def _pick(told: Tensor, judgements: Judgements, chosen: Tensor, number: int) -> Tensor:
    """Return what the chosen layer of each clip's fold says, `(variants, clips)`.

    Args:
        told: `(views, variants, clips)`.
        judgements: The judgements.
        chosen: `(roles, folds, variants)` views.
        number: Number of the condition.
    """
    role = judgements.names.index(judgements.conditions[number].trained)
    view = chosen[role][judgements.tested_in.clamp(min=0)].T  # (variants, clips)
    return told.gather(0, view[None])[0]


def _majority(judgements: Judgements, melodies: Sequence[Sequence[int]]) -> Tensor:
    """Return what the commonest class says, `(conditions, 1, variants, clips)`.

    Args:
        judgements: The judgements.
        melodies: Classes to choose from for a clip of one of them; all if empty.
    """
    said = torch.full_like(judgements.said[:, :1], -1)
    for number, condition in enumerate(judgements.conditions):
        learnt = judgements.roles == judgements.names.index(condition.trained)
        judged = judgements.roles == judgements.names.index(condition.judged)
        for fold in range(len(judgements.parts)):
            train = judgements.labels[learnt & (judgements.parts[fold] == TRAIN)]
            counts = train.bincount(minlength=len(judgements.classes))
            tested = judged & (judgements.tested_in == fold)
            for members in map(torch.tensor, melodies or [range(len(counts))]):
                here = tested & torch.isin(judgements.labels, members)
                said[number, :, :, here] = int(members[counts[members].argmax()])
    return said
