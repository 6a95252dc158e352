"""The scores of every role of the data, in validation and in tests."""

from collections.abc import Iterator, Sequence
from typing import cast

from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection

from crossemo.metrics.recognition import recognition_metrics

Part = str  # `val` or `test`


class RoleScores(nn.Module):
    """Meters of the scores and the loss, for every role of the data.

    Args:
        roles: Roles of the data.
        classes: Names of the classes in order.
    """

    def __init__(self, roles: Sequence[str], classes: Sequence[str]) -> None:
        super().__init__()
        self.roles = list(roles)
        self._meters = nn.ModuleList(
            nn.ModuleDict(
                {
                    "scores": recognition_metrics(classes),
                    "loss": MetricCollection({"loss": MeanMetric()}),
                }
            )
            for _ in roles
        )

    def update(self, role: int, probabilities: Tensor, labels: Tensor) -> None:
        """Count clips of the role of that number.

        Args:
            role: Number of the role.
            probabilities: `(clips, classes)`.
            labels: `(clips,)` class indices.
        """
        meters = cast(nn.ModuleDict, self._meters[role])
        losses = -probabilities.gather(1, labels[:, None]).clamp_min(1e-12).log()
        cast(MetricCollection, meters["scores"]).update(probabilities, labels)
        cast(MetricCollection, meters["loss"]).update(losses)

    def pop(self) -> Iterator[tuple[str, str, Tensor]]:
        """Yield role, score and value, over the clips of all processes; start anew."""
        for role, meters in zip(self.roles, self._meters, strict=True):
            for meter in cast(nn.ModuleDict, meters).values():
                # Every process computes the same value from the state of all.
                for score, value in cast(MetricCollection, meter).compute().items():
                    yield role, score, value
                cast(MetricCollection, meter).reset()
