"""Counts of groups of clips, such as confusions, and their scores over folds."""

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor


def contingency(rows: Tensor, columns: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return how many clips are of each row and column, such as label and prediction.

    Args:
        rows: `(..., clips)` indices; broadcast to the shape of `columns`.
        columns: `(..., clips)` indices; clips of column -1 are left out.
        shape: Number of rows and of columns.

    Returns:
        `(..., rows, columns)` float64 counts.
    """
    cells = rows.long() * shape[1] + columns.long()
    counts = torch.zeros(*cells.shape[:-1], prod(shape), dtype=torch.float64)
    counts.scatter_add_(-1, cells.clamp(min=0), (columns >= 0).double())
    return counts.view(*cells.shape[:-1], *shape)


def group_counts(
    labels: Tensor, predictions: Tensor, groups: Tensor, n_groups: int, classes: int
) -> Tensor:
    """Return the confusion counts of every group.

    Args:
        labels: `(clips,)` class indices.
        predictions: `(..., clips)` class indices; clips without one have -1 and are
            left out.
        groups: `(clips,)` number of the group of each clip.
        n_groups: Number of groups.
        classes: Number of classes.

    Returns:
        `(..., groups, classes, classes)` float64, rows are labels.
    """
    rows = groups * classes + labels
    counts = contingency(rows, predictions, (n_groups * classes, classes))
    return counts.view(*predictions.shape[:-1], n_groups, classes, classes)


def fold_counts(counts: Tensor, folds: Tensor) -> Tensor:
    """Add up the confusion counts of the groups of each fold.

    Args:
        counts: `(..., groups, classes, classes)`.
        folds: `(groups,)` fold that tests each group.

    Returns:
        `(..., folds, classes, classes)`, folds in ascending order.
    """
    membership = (folds == _distinct(folds)[:, None]).to(counts.dtype)
    return torch.einsum("fg,...gij->...fij", membership, counts)


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


def means_without_each_block(
    counts: Tensor, folds: Tensor, blocks: Tensor, score: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return the mean score of the folds without each block of groups in turn.

    Args:
        counts: As in `mean_over_folds`.
        folds: As in `mean_over_folds`.
        blocks: `(groups,)` block of each group.
        score: As in `mean_over_folds`.

    Returns:
        `(blocks, ...)`.
    """
    (fold_names, fold), (block_names, block) = (
        torch.unique(one, return_inverse=True) for one in (folds, blocks)
    )
    # A block changes the folds that it lies in, and no other.
    pairs, pair = torch.unique(block * len(fold_names) + fold, return_inverse=True)
    sums = counts.new_zeros(*counts.shape[:-3], len(pairs), *counts.shape[-2:])
    sums.index_add_(-3, pair, counts)
    totals = fold_counts(counts, folds)
    in_block, in_fold = pairs // len(fold_names), pairs % len(fold_names)
    scores = score(totals)[..., None, :].repeat_interleave(len(block_names), -2)
    scores[..., in_block, in_fold] = score(totals[..., in_fold, :, :] - sums)
    return scores.nanmean(-1).movedim(-1, 0)


def _distinct(numbers: Tensor) -> Tensor:
    return torch.tensor(sorted(set(numbers.tolist())))
