"""Distances as torchmetrics classes, which add up over batches and processes."""

from typing import Any, Literal, cast

import torch
from torch import Tensor
from torchmetrics import Metric

from crossemo.metrics.frechet import (
    Factor,
    check_finite,
    factor_from_moments,
    frechet_terms,
)
from crossemo.metrics.kernel import kernel_distance

Side = Literal["x", "y"]
SIDES: tuple[Side, ...] = ("x", "y")


class Moments(Metric):
    r"""Mean and covariance of embeddings that come batch by batch.

    The sums are of deviations from the running mean, in float64, merged by the formula
    of Chan, Golub & LeVeque (1979)

    $$ S = S_a + S_b + \tfrac{n_a n_b}{n_a + n_b} (m_b - m_a)(m_b - m_a)^T $$

    so a feature of large mean costs no digits and any order of batches and processes
    gives the same result to rounding. The state is `(d + 1) d + 1` doubles, twice, as
    torchmetrics keeps its first value too. Where a
    process repeats clips so that all have equally many batches, leave them out before
    `update`.

    Args:
        width: Features per embedding, d.
        **settings: As torchmetrics' `Metric` takes them.

    >>> moments = Moments(1)
    >>> moments.update(torch.tensor([[0.0], [2.0]]))
    >>> moments.update(torch.tensor([[4.0]]))
    >>> mean, covariance, count = moments.compute()
    >>> mean.item(), covariance.item(), count
    (2.0, 4.0, 3)
    """

    full_state_update = False
    mean: Tensor
    scatter: Tensor
    count: Tensor

    def __init__(self, width: int, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        zeros = torch.zeros(width, dtype=torch.float64)
        # Without a reduction, each process's state is one row after a gather.
        self.add_state("mean", zeros, dist_reduce_fx=None)
        self.add_state("scatter", torch.outer(zeros, zeros), dist_reduce_fx=None)
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx=None)

    def update(self, embeddings: Tensor) -> None:
        """Add a batch.

        Args:
            embeddings: `(n, d)` in any precision; n may be 0.

        Raises:
            ValueError: The shape doesn't fit, or there is NaN or infinity.
        """
        check_finite(embeddings)
        if embeddings.shape[1] != len(self.mean):
            raise ValueError(
                f"Embeddings of {embeddings.shape[1]} features can't be added to "
                f"moments of {len(self.mean)}."
            )
        if not len(embeddings):
            return
        batch = embeddings.detach().to(torch.float64)
        mean = batch.mean(0)
        centred = batch - mean
        self._add(mean, centred.T @ centred, len(batch))

    def compute(self) -> tuple[Tensor, Tensor, int]:
        """Return the mean `(d,)`, the unbiased covariance `(d, d)` and the count.

        Raises:
            ValueError: There were fewer than two embeddings.
        """
        return self._merged()._unbiased()

    def factor(self) -> Factor:
        """Return what distances to other sets need, on the CPU.

        It is of what this process has seen; `gathered().factor()` is of all.

        Raises:
            ValueError: There were fewer than two embeddings.
        """
        mean, covariance, count = self._unbiased()
        return factor_from_moments(mean.cpu(), covariance.cpu(), count)

    def gathered(self) -> "Moments":
        """Return moments of what all processes have seen; to be called by all."""
        with self.sync_context():
            return self._merged()

    def _reduce_states(self, incoming_state: dict[str, Any]) -> None:
        """Add other moments, for torchmetrics' `merge_state` and `forward`."""
        state = (incoming_state[name] for name in ("mean", "scatter", "count"))
        self._add(*state)

    def _add(self, mean: Tensor, scatter: Tensor, added: int | Tensor) -> None:
        count = int(added)
        if not count:
            return
        total = int(self.count) + count
        gap = mean - self.mean
        weight = int(self.count) * count / total
        self.scatter = self.scatter + scatter + weight * torch.outer(gap, gap)
        self.mean = self.mean + gap * (count / total)
        self.count = self.count + count

    def _unbiased(self) -> tuple[Tensor, Tensor, int]:
        count = int(self.count)
        if count < 2:
            raise ValueError(
                f"A covariance needs two embeddings at least and there were {count}."
            )
        return self.mean, self.scatter / (count - 1), count

    def _merged(self) -> "Moments":
        """Return the moments, with a gather's row for each process added up."""
        if not self.count.ndim:
            return self
        merged = Moments(self.mean.shape[1]).to(self.mean.device)
        for state in zip(self.mean, self.scatter, self.count, strict=True):
            merged._add(*state)
        return merged


class FrechetDistance(Metric):
    """The squared Fréchet distance between two sets that come batch by batch.

    See `crossemo.metrics.frechet.frechet_distance`, with which it agrees to rounding,
    however the sets are cut into batches and over processes. For fewer embeddings than
    features it is as exact, and as far from the distance of the distributions.

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
        self.sides = torch.nn.ModuleDict(
            {side: Moments(width, **settings) for side in SIDES}
        )

    def update(self, embeddings: Tensor, side: Side) -> None:
        """Add a batch `(n, d)` to one of the sets.

        Raises:
            ValueError: As `Moments.update`.
        """
        self._side(side).update(embeddings)

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar.

        Raises:
            ValueError: A set has fewer than two embeddings.
        """
        x, y = (self._side(side).gathered().factor() for side in SIDES)
        mean, spread = frechet_terms(x, y)
        return mean + spread

    def reset(self) -> None:
        """Forget all embeddings."""
        super().reset()
        for side in self.sides.values():
            cast(Moments, side).reset()

    def _side(self, side: Side) -> Moments:
        return cast(Moments, self.sides[side])


class KernelDistance(Metric):
    """The unbiased kernel distance (MMD²) between two sets that come batch by batch.

    See `crossemo.metrics.kernel.kernel_distance`. All embeddings are kept: the kernel
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
        for side in SIDES:
            self.add_state(side, [], dist_reduce_fx="cat")

    def update(self, embeddings: Tensor, side: Side) -> None:
        """Add a batch `(n, d)` to one of the sets.

        Raises:
            ValueError: The shape doesn't fit, or there is NaN or infinity.
        """
        check_finite(embeddings)
        if embeddings.shape[1] != self.width:
            raise ValueError(
                f"Embeddings of {embeddings.shape[1]} features can't be added to sets "
                f"of {self.width}."
            )
        getattr(self, side).append(embeddings.detach().to(torch.float64))

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar.

        Raises:
            ValueError: A set has fewer than two embeddings.
        """
        x, y = (torch.cat(self._rows(one)).cpu() for one in (self.x, self.y))
        return kernel_distance(x, y, self.bandwidth)

    def _sync_dist(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        # A process without clips would take part in the gather with a wrong shape.
        for side in SIDES:
            setattr(self, side, self._rows(getattr(self, side)))
        super()._sync_dist(*given, **named)

    def _rows(self, kept: list[Tensor] | Tensor) -> list[Tensor]:
        # One tensor after a gather, a list before it, and nothing before any update.
        rows = [kept] if isinstance(kept, Tensor) else kept
        none = torch.zeros(0, self.width, dtype=torch.float64, device=self.device)
        return [none, *rows]
