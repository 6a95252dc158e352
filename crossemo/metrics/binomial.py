"""How far a UA wanders by the luck of single clips alone."""

import torch
from torch import Tensor

from crossemo.metrics.recognition import unweighted_recall

NORMAL = 1.959964  # of 95 %


def binomial_reach(counts: Tensor) -> Tensor:
    r"""Return half the 95 % interval of the UA for clips that succeed independently.

    The recall of a class with n clips in a fold is then binomial. With the recall
    $p_c$ of all folds together, the mean over F folds of the mean over their k classes
    has the variance

    $$ \frac{1}{F^2} \sum_f \frac{1}{k_f^2} \sum_c \frac{p_c (1 - p_c)}{n_{fc}} $$

    Clips of one speaker succeed and fail together and probes have luck of their own,
    so a sound interval is wider. One that is narrower was narrow by chance, as
    happens with few folds.

    Args:
        counts: `(..., folds, classes, classes)`, rows are labels.

    Returns:
        `(...)`, 0 to 1; NaN where there is no clip.

    >>> half = torch.tensor([[[8.0, 8.0], [8.0, 8.0]]])  # UA 0.5 of 32 clips
    >>> round(binomial_reach(half).item(), 4)  # 1.96 · √(0.25 / 32)
    0.1732
    """
    clips = counts.sum(-1)
    pooled = counts.sum(-3)
    recall = pooled.diagonal(dim1=-2, dim2=-1) / pooled.sum(-1)
    variance = (recall * (1 - recall))[..., None, :] / clips
    there = clips > 0
    of_fold = torch.where(there, variance, 0).sum(-1) / there.sum(-1).square()
    folds = unweighted_recall(counts).isfinite().sum(-1)
    return NORMAL * of_fold.nansum(-1).sqrt() / folds
