"""Scores averaged over folds, on all groups and without each block in turn."""

from collections.abc import Callable

import torch
from torch import Tensor


def group_counts(
    said: Tensor, labels: Tensor, groups: Tensor, n_groups: int, classes: int
) -> Tensor:
    """Return the confusion counts of every group.

    Args:
        said: `(..., clips)` classes; clips of which -1 is said are left out.
        labels: `(clips,)` classes.
        groups: `(clips,)` number of the group of each clip.
        n_groups: Number of groups.
        classes: Number of classes.

    Returns:
        `(..., groups, classes, classes)` float64, rows are targets.
    """
    flat = said.reshape(-1, said.shape[-1]).long()
    cells = (groups * classes + labels) * classes + flat
    size = n_groups * classes**2
    counts = torch.zeros(len(flat), size, dtype=torch.float64)
    counts.scatter_add_(1, cells.clamp(min=0), (flat >= 0).double())
    return counts.view(*said.shape[:-1], n_groups, classes, classes)


def mean_over_folds(
    counts: Tensor, folds: Tensor, score: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return the mean score of the folds that have clips.

    Args:
        counts: `(..., groups, classes, classes)` confusion counts.
        folds: `(groups,)` fold that tests each group.
        score: `(..., classes, classes)` counts to `(...)`, NaN where there are none.

    Returns:
        `(...)`; NaN where no fold has clips.
    """
    return score(fold_counts(counts, folds)).nanmean(-1)


def fold_counts(counts: Tensor, folds: Tensor) -> Tensor:
    """Add up the groups of each fold: `(..., folds, classes, classes)`."""
    names = torch.tensor(sorted(set(folds.tolist())))
    member = (folds == names[:, None]).to(counts.dtype)
    return torch.einsum("fg,...gij->...fij", member, counts)


def without_each_block(counts: Tensor, blocks: Tensor) -> Tensor:
    """Return the counts without each block of groups in turn.

    Args:
        counts: `(..., groups, classes, classes)`.
        blocks: `(groups,)` the block that each group is of.

    Returns:
        `(blocks, ..., groups, classes, classes)`.
    """
    names = torch.tensor(sorted(set(blocks.tolist())))
    keep = (blocks != names[:, None]).to(counts.dtype)
    shape = (len(keep), *[1] * (counts.ndim - 3), keep.shape[1], 1, 1)
    return counts * keep.view(shape)
