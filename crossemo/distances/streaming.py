"""Distances as torchmetrics classes, which add up over batches and processes."""

from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import Metric

from crossemo.distances.frechet import frechet_terms
from crossemo.distances.kernel import kernel_distance
from crossemo.distances.moments import (
    PARTS,
    Sums,
    check_width,
    factor_of,
    merged,
    nothing,
    over_processes,
    sums_of,
)

Which = Literal["x", "y"]
SETS: tuple[Which, ...] = ("x", "y")


class FrechetDistance(Metric):
    """The squared Fréchet distance between two sets that come batch by batch.

    See `crossemo.distances.frechet.frechet_distance`, with which it agrees to rounding,
    however the sets are cut into batches and over processes; the sums are those of
    `Moments`. For fewer embeddings than features it is as exact, and as far from the
    distance of the distributions.

    Args:
        width: Features per embedding.
        **settings: As torchmetrics' `Metric` takes them.

    >>> distance = FrechetDistance(2)
    >>> x = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    >>> distance.update(x, "x")
    >>> distance.update(x + 3, "y")
    >>> distance.compute()
    tensor(18., dtype=torch.float64)
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False

    def __init__(self, width: int, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        self.width = width
        for which in SETS:
            for name, zeros in zip(PARTS, nothing(width), strict=True):
                self.add_state(f"{which}_{name}", zeros, dist_reduce_fx=None)

    def update(self, embeddings: Tensor, which: Which) -> None:
        """Add a batch `(n, d)` to one of the sets.

        Raises:
            ValueError: As `Moments.update`.
        """
        check_width(embeddings, self.width)
        sums = self._sums(which)
        self._set(which, merged(sums, sums_of(embeddings, sums[0].device)))

    def forward(self, embeddings: Tensor, which: Which) -> None:
        """Add a batch; one set alone has no distance to return."""
        self.update(embeddings, which)

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar.

        Raises:
            ValueError: A set has fewer than two embeddings.
        """
        x, y = (factor_of(over_processes(self._sums(which))) for which in SETS)
        mean, spread = frechet_terms(x, y)
        return mean + spread

    def _reduce_states(self, incoming_state: dict[str, Any]) -> None:
        for which in SETS:
            mean, scatter, count = (incoming_state[f"{which}_{n}"] for n in PARTS)
            self._set(which, merged(self._sums(which), (mean, scatter, count)))

    def _sums(self, which: Which) -> Sums:
        mean, scatter, count = (getattr(self, f"{which}_{name}") for name in PARTS)
        return mean, scatter, count

    def _set(self, which: Which, sums: Sums) -> None:
        for name, value in zip(PARTS, sums, strict=True):
            setattr(self, f"{which}_{name}", value)


class KernelDistance(Metric):
    """The unbiased kernel distance (MMD²) between two sets that come batch by batch.

    See `crossemo.distances.kernel.kernel_distance`. All embeddings are kept: the kernel
    needs every pair of them.

    Args:
        width: Features per embedding.
        bandwidth: The kernel's; the median distance if None.
        **settings: As torchmetrics' `Metric` takes them.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = False
    x: list[Tensor]
    y: list[Tensor]

    def __init__(
        self,
        width: int,
        bandwidth: float | None = None,
        **settings: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(**settings)
        self.width = width
        self.bandwidth = bandwidth
        for side in SETS:
            self.add_state(side, [], dist_reduce_fx="cat")

    def update(self, embeddings: Tensor, which: Which) -> None:
        """Add a batch `(n, d)` to one of the sets.

        Raises:
            ValueError: The shape doesn't fit, or there is NaN or infinity.
        """
        check_width(embeddings, self.width)
        getattr(self, which).append(embeddings.detach().to(torch.float64))

    def forward(self, embeddings: Tensor, which: Which) -> None:
        """Add a batch; one set alone has no distance to return."""
        self.update(embeddings, which)

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar.

        Raises:
            ValueError: A set has fewer than two embeddings.
        """
        x, y = (torch.cat(self._rows(one)).cpu() for one in (self.x, self.y))
        return kernel_distance(x, y, self.bandwidth)

    def _sync_dist(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        # A process without clips would take part in the gather with a wrong shape.
        for side in SETS:
            setattr(self, side, self._rows(getattr(self, side)))
        super()._sync_dist(*args, **kwargs)

    def _rows(self, state: list[Tensor] | Tensor) -> list[Tensor]:
        # One tensor after a gather, a list before it, and nothing before any update.
        rows = [state] if isinstance(state, Tensor) else state
        none = torch.zeros(0, self.width, dtype=torch.float64, device=self.device)
        return [none, *rows]
