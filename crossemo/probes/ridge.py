"""Ridge regression along the axes that probes have anyway."""

from collections.abc import Iterator

import torch
from torch import Tensor

_CLIPS = 256  # at most, of groups that are left out at once


def solve_ridge(
    clips: Tensor, moments: Tensor, targets: Tensor, penalties: Tensor
) -> Tensor:
    r"""Return the weights of ridge regressions.

    They are the least of $\sum_i |w \cdot z_i - (y_i - \bar y)|^2 / n + \lambda |w|^2$:
    along each axis on its own, $w_j = z_j \cdot (y - \bar y) / n / (e_j + \lambda)$;
    the intercept is the mean $\bar y$. scikit-learn's `alpha` is $n \lambda$.

    Args:
        clips: `(clips, width)` along the axes of `Eigenbasis`, of zero mean.
        moments: `(width,)` mean square along each axis.
        targets: `(clips, targets)` values.
        penalties: `(..., targets)` $\lambda$ of each of them, above 0; a last dimension
            of 1 is one for all.

    Returns:
        `(..., targets, width)`.
    """
    along = (targets - targets.mean(0)).T @ clips / len(clips)
    return along / (moments + penalties[..., None])


def predict_left_out(
    clips: Tensor, moments: Tensor, targets: Tensor, penalties: Tensor, groups: Tensor
) -> Tensor:
    r"""Return what ridge regression without each group says of that group's clips.

    Without a refit: with $H = 11^T / n + Z (e + \lambda)^{-1} Z^T / n$, the residuals
    of a group G that was left out are $(I - H_{GG})^{-1} r_G$ of those r of all clips
    (leave-one-out of blocks; Cook & Weisberg, 1982). The scaling of the clips
    stays that of all.

    Args:
        clips: As in `solve_ridge`.
        moments: As in `solve_ridge`.
        targets: As in `solve_ridge`.
        penalties: `(penalties,)` $\lambda$, above 0.
        groups: `(clips,)` number of the group of each clip, two groups or more.

    Returns:
        `(penalties, clips, targets)` predictions.
    """
    weights = solve_ridge(clips, moments, targets, penalties[:, None])
    residuals = targets - targets.mean(0) - clips @ weights.mT
    left_out = torch.empty_like(residuals)
    inverse = torch.reciprocal(moments + penalties[:, None])  # (penalties, width)
    for rows in _alike(groups):
        of_groups = clips[rows]  # (groups, clips of each, width)
        scaled = of_groups * inverse[:, None, None]
        hat = (1 + scaled @ of_groups.mT) / len(clips)
        rest = torch.eye(rows.shape[1]).to(hat) - hat
        left_out[:, rows] = torch.linalg.solve(rest, residuals[:, rows])
    return targets - left_out


def _alike(groups: Tensor) -> Iterator[Tensor]:
    """Yield `(groups, clips of each)` rows of groups of as many clips."""
    numbers, sizes = torch.unique(groups, return_counts=True)
    for size in sizes.unique().tolist():
        for some in numbers[sizes == size].split(max(1, _CLIPS // size)):
            rows = torch.eq(groups, some[:, None]).nonzero()[:, 1]
            yield rows.view(len(some), size)
