"""Parts of leaky protocols: those of crossemo with clips that change their places.

Clips are exchanged among those of one class alone, so that every part of every fold
holds as many clips of each class as before: what a protocol gains is its own doing.
"""

import torch
from torch import Tensor

from crossemo.probes.clips import TEST


def strata_of(targets: Tensor) -> Tensor:
    """Return the number of the class of each clip, or of the sides of its values.

    Args:
        targets: `(clips,)` classes, or `(clips, outputs)` values about 0.
    """
    sides = targets >= 0 if targets.is_floating_point() else targets
    numbers: Tensor = torch.unique(sides, dim=0, return_inverse=True)[1]
    return numbers


def shuffled_clips(parts: Tensor, strata: Tensor, generator: torch.Generator) -> Tensor:
    """Return folds of clips in place of folds of units.

    Every clip takes the place that another one of its stratum has in all folds, so it
    is tested as often as before: once, where the folds test every clip once.

    Args:
        parts: `(folds, clips)` which of `PARTS` each clip is in; -1 for none.
        strata: `(clips,)` as from `strata_of`.
        generator: Draws the places.
    """
    return parts[:, _exchange(strata, generator)]


def validation_from_training(
    parts: Tensor, strata: Tensor, generator: torch.Generator
) -> Tensor:
    """Return folds whose validation clips are drawn from the units of training.

    In each fold for itself, clips that are not tested change places. Those that are
    tested stay, and with them their units.

    Args:
        parts: As in `shuffled_clips`.
        strata: As in `shuffled_clips`.
        generator: As in `shuffled_clips`.
    """
    alone = strata.max() + 1 + torch.arange(len(strata))
    movable = (parts >= 0) & (parts != TEST)
    return torch.stack(
        [
            fold[_exchange(torch.where(free, strata, alone), generator)]
            for fold, free in zip(parts, movable, strict=True)
        ]
    )


def _exchange(strata: Tensor, generator: torch.Generator) -> Tensor:
    """Return a random order in which each clip stands in the place of one alike."""
    drawn = torch.randperm(len(strata), generator=generator)
    order = torch.empty_like(drawn)
    order[strata.argsort(stable=True)] = drawn[strata[drawn].argsort(stable=True)]
    return order
