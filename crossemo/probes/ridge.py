"""Ridge regression of all penalties at once, along the axes that probes have anyway."""

import torch
from torch import Tensor


def solve_ridge(
    clips: Tensor, moments: Tensor, targets: Tensor, penalties: Tensor
) -> Tensor:
    r"""Return the weights of ridge regressions.

    They are the least of $\sum_i |w \cdot z_i - (y_i - \bar y)|^2 / n + \lambda |w|^2$:
    along each axis on its own, $w_j = z_j \cdot (y - \bar y) / n / (e_j + \lambda)$;
    the intercept is the mean $\bar y$. scikit-learn's `alpha` is $n \lambda$. It is
    there for probes of values such as valence and arousal.

    Args:
        clips: `(clips, width)` along the axes of `Eigenbasis`, of zero mean.
        moments: `(width,)` mean square along each axis.
        targets: `(clips, targets)` values.
        penalties: `(penalties,)` $\lambda$, above 0.

    Returns:
        `(penalties, targets, width)`.
    """
    along = (targets - targets.mean(0)).T @ clips / len(clips)
    return along / (moments + penalties[:, None, None])


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
        penalties: As in `solve_ridge`.
        groups: `(clips,)` number of the group of each clip.

    Returns:
        `(penalties, clips, targets)` predictions.
    """
    weights = solve_ridge(clips, moments, targets, penalties)
    residuals = targets - targets.mean(0) - clips @ weights.mT
    left_out = torch.empty_like(residuals)
    for group in set(groups.tolist()):
        rows = (groups == group).nonzero().flatten()
        scaled = clips[rows] / (moments + penalties[:, None, None])
        hat = (1 + scaled @ clips[rows].T) / len(clips)
        rest = torch.eye(len(rows)).to(hat) - hat
        left_out[:, rows] = torch.linalg.solve(rest, residuals[:, rows])
    return targets - left_out
