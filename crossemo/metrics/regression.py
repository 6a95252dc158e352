"""Scores of values, such as valence: agreement, error and correlation."""

import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.regression import (
    ConcordanceCorrCoef,
    MeanSquaredError,
    PearsonCorrCoef,
    R2Score,
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


class _R2(R2Score):
    """R², without a value where a single clip has no variance."""

    def compute(self) -> Tensor:
        """Return R² of every output."""
        if self.total < 2:
            return torch.full_like(self.residual, torch.nan)
        return super().compute()


def regression_metrics(outputs: int) -> MetricCollection:
    """Return CCC, RMSE, Pearson's correlation and R² as one collection.

    Each has one value for every output. Update it with predictions and targets,
    `(clips, outputs)`, or `(clips,)` where there is one output.

    Args:
        outputs: Number of outputs.
    """
    return MetricCollection(
        {
            AGREEMENT: ConcordanceCorrCoef(outputs),
            "RMSE": MeanSquaredError(squared=False, num_outputs=outputs),
            "Pearson": PearsonCorrCoef(outputs),
            "R2": _R2(multioutput="raw_values"),
        },
        compute_groups=[[AGREEMENT, "Pearson"], ["RMSE"], ["R2"]],
    )


class ValueMeter(nn.Module):
    """Scores of values of clips that come batch by batch.

    Args:
        outputs: Names of the outputs in order.
        weights: Share of each output in the loss; all alike if None.
        squares: Whether the loss is the mean squared error, and not 1 - CCC.
    """

    shares: Tensor

    def __init__(
        self,
        outputs: Sequence[str],
        weights: Sequence[float] | None = None,
        squares: bool = False,
    ) -> None:
        super().__init__()
        self.outputs, self.squares = tuple(outputs), squares
        shares = torch.tensor([1 / len(outputs)] * len(outputs))
        if weights is not None:
            shares = torch.tensor(weights) / sum(weights)
        self.register_buffer("shares", shares, persistent=False)
        self.scores = regression_metrics(len(outputs))

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Count clips.

        Args:
            predictions: `(clips, outputs)`.
            targets: `(clips, outputs)`.
        """
        if len(self.outputs) == 1:
            predictions, targets = predictions[:, 0], targets[:, 0]
        self.scores.update(predictions, targets)

    def compute(self) -> dict[str, Tensor]:
        """Return scores by name, over the clips of all processes.

        Predictions or targets that are all equal agree with nothing: their CCC is 0,
        and they have no correlation (NaN).
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The variance of predictions or target")
            scores = {name: one.reshape(-1) for name, one in self._computed().items()}
        scores[AGREEMENT] = agreement = scores[AGREEMENT].nan_to_num(0.0)
        losses = scores["RMSE"].square() if self.squares else 1 - agreement
        values = {
            f"{name}/{output}": value
            for name, score in scores.items()
            for output, value in zip(self.outputs, score, strict=True)
        }
        loss = (losses * self.shares).sum()
        return {AGREEMENT: agreement.mean(), **values, "loss": loss}

    def reset(self) -> None:
        """Forget all clips."""
        self.scores.reset()

    def _computed(self) -> Mapping[str, Tensor]:
        computed: dict[str, Tensor] = self.scores.compute()
        return computed
