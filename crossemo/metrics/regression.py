"""Scores of values, such as valence: agreement, error and correlation."""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics.functional.regression import (
    concordance_corrcoef,
    mean_squared_error,
    pearson_corrcoef,
    r2_score,
)

from crossemo.metrics.names import AGREEMENT


def concordance(predictions: Tensor, targets: Tensor) -> Tensor:
    r"""Return the concordance correlation coefficient (Lin, 1989), differentiably.

    $$ \frac{2 s_{xy}}{s_x^2 + s_y^2 + (\bar x - \bar y)^2} $$

    with variances and covariance over n - 1, as torchmetrics has them: 1 where all
    predictions are right, 0 where they don't follow the targets; a shift and another
    spread cost too.

    Args:
        predictions: `(..., clips)`; leading dimensions, such as layers and outputs,
            are broadcast with those of the targets.
        targets: `(..., clips)`.

    Returns:
        `(...)` from -1 to 1; 0 where predictions or targets are all equal.

    >>> concordance(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 3.0, 4.0]))
    tensor(0.6667)
    """
    x, y = predictions, targets
    freedom = max(x.shape[-1] - 1, 1)
    middles = x.mean(-1, keepdim=True), y.mean(-1, keepdim=True)
    dx, dy = x - middles[0], y - middles[1]
    spread = (dx.square().sum(-1) + dy.square().sum(-1)) / freedom
    apart = spread + (middles[0] - middles[1]).squeeze(-1).square()
    # Equal values differ from their mean by rounding, which agrees with nothing.
    size = x.detach().square().mean(-1) + y.detach().square().mean(-1)
    noise = (1000 * torch.finfo(apart.dtype).eps) ** 2 * size
    least = noise.clamp_min(torch.finfo(apart.dtype).tiny)
    return 2 * (dx * dy).sum(-1) / freedom / torch.maximum(apart, least)


def value_scores(
    predictions: Tensor, targets: Tensor, outputs: Sequence[str]
) -> dict[str, float]:
    """Return `CCC`, the mean over the outputs, and all scores of each output.

    These are `CCC/OUTPUT`, `RMSE/OUTPUT`, `Pearson/OUTPUT` and `R2/OUTPUT`. Predictions
    or targets that are all equal, such as those of a single clip, agree with nothing:
    their CCC is 0, and they have no correlation (NaN). A single clip has no R² either.

    Args:
        predictions: `(clips, outputs)`.
        targets: `(clips, outputs)`.
        outputs: Names of the outputs in order.

    Raises:
        ValueError: There is no clip.
    """
    if not len(targets):
        raise ValueError("There is no clip to score.")
    scores: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The variance of predictions or target")
        for place, output in enumerate(outputs):
            x, y = predictions[:, place].double(), targets[:, place].double()
            scores |= {
                f"{AGREEMENT}/{output}": float(concordance_corrcoef(x, y).nan_to_num()),
                f"RMSE/{output}": float(mean_squared_error(x, y, squared=False)),
                f"Pearson/{output}": float(pearson_corrcoef(x, y)),
                f"R2/{output}": float(r2_score(x, y)) if len(y) > 1 else torch.nan,
            }
    alone = [scores[f"{AGREEMENT}/{output}"] for output in outputs]
    return {AGREEMENT: sum(alone) / len(alone), **scores}
