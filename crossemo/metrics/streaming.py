"""Distances as torchmetrics classes, which add up over batches and processes."""

from functools import reduce
from typing import Any, Literal

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

Which = Literal["x", "y"]
SETS: tuple[Which, ...] = ("x", "y")

_PARTS = ("mean", "scatter", "count")
_Sums = tuple[Tensor, Tensor, Tensor]


class Moments(Metric):
    r"""Mean and covariance of embeddings that come batch by batch.

    The sums are of deviations from the running mean, in float64, merged by the formula
    of Chan, Golub & LeVeque (1979)

    $$ S = S_a + S_b + \tfrac{n_a n_b}{n_a + n_b} (m_b - m_a)(m_b - m_a)^T $$

    so a feature of large mean costs no digits and any order of batches and processes
    gives the same result to rounding. The state is `(d + 1) d + 1` doubles, twice, as
    torchmetrics keeps its first value too. Where a process repeats clips so that all
    have equally many batches, leave them out before `update`.

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
        self.width = width
        # Without a reduction, each process's state is one row after a gather.
        for name, zeros in zip(_PARTS, _nothing(width), strict=True):
            self.add_state(name, zeros, dist_reduce_fx=None)

    def update(self, embeddings: Tensor) -> None:
        """Add a batch.

        Args:
            embeddings: `(n, d)` in any precision; n may be 0.

        Raises:
            ValueError: The shape doesn't fit, or there is NaN or infinity.
        """
        _check_width(embeddings, self.width)
        self._set(_merged(self._sums(), _sums_of(embeddings, self.mean.device)))

    def compute(self) -> tuple[Tensor, Tensor, int]:
        """Return the mean `(d,)`, the unbiased covariance `(d, d)` and the count.

        Raises:
            ValueError: There were fewer than two embeddings.
        """
        return _unbiased(_over_processes(self._sums()))

    def factor(self) -> Factor:
        """Return what distances to other sets need, on the CPU.

        It is of what this process has seen; `gathered().factor()` is of all.

        Raises:
            ValueError: There were fewer than two embeddings.
        """
        return _factor(self._sums())

    def gathered(self) -> "Moments":
        """Return moments of what all processes have seen; to be called by all."""
        whole = Moments(self.width).to(self.mean.device)
        with self.sync_context():
            whole._set(_over_processes(self._sums()))
        return whole

    def _reduce_states(self, incoming_state: dict[str, Any]) -> None:
        """Add other moments, for torchmetrics' `merge_state` and `forward`."""
        mean, scatter, count = (incoming_state[name] for name in _PARTS)
        self._set(_merged(self._sums(), (mean, scatter, count)))

    def _sums(self) -> _Sums:
        return self.mean, self.scatter, self.count

    def _set(self, sums: _Sums) -> None:
        self.mean, self.scatter, self.count = sums


class FrechetDistance(Metric):
    """The squared Fréchet distance between two sets that come batch by batch.

    See `crossemo.metrics.frechet.frechet_distance`, with which it agrees to rounding,
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
            for name, zeros in zip(_PARTS, _nothing(width), strict=True):
                self.add_state(f"{which}_{name}", zeros, dist_reduce_fx=None)

    def update(self, embeddings: Tensor, which: Which) -> None:
        """Add a batch `(n, d)` to one of the sets.

        Raises:
            ValueError: As `Moments.update`.
        """
        _check_width(embeddings, self.width)
        sums = self._sums(which)
        self._set(which, _merged(sums, _sums_of(embeddings, sums[0].device)))

    def forward(self, embeddings: Tensor, which: Which) -> None:
        """Add a batch; one set alone has no distance to return."""
        self.update(embeddings, which)

    def compute(self) -> Tensor:
        """Return the distance, a float64 scalar.

        Raises:
            ValueError: A set has fewer than two embeddings.
        """
        x, y = (_factor(_over_processes(self._sums(which))) for which in SETS)
        mean, spread = frechet_terms(x, y)
        return mean + spread

    def _reduce_states(self, incoming_state: dict[str, Any]) -> None:
        for which in SETS:
            mean, scatter, count = (incoming_state[f"{which}_{n}"] for n in _PARTS)
            self._set(which, _merged(self._sums(which), (mean, scatter, count)))

    def _sums(self, which: Which) -> _Sums:
        mean, scatter, count = (getattr(self, f"{which}_{name}") for name in _PARTS)
        return mean, scatter, count

    def _set(self, which: Which, sums: _Sums) -> None:
        for name, value in zip(_PARTS, sums, strict=True):
            setattr(self, f"{which}_{name}", value)


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
        for side in SETS:
            self.add_state(side, [], dist_reduce_fx="cat")

    def update(self, embeddings: Tensor, which: Which) -> None:
        """Add a batch `(n, d)` to one of the sets.

        Raises:
            ValueError: The shape doesn't fit, or there is NaN or infinity.
        """
        _check_width(embeddings, self.width)
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

    def _sync_dist(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        # A process without clips would take part in the gather with a wrong shape.
        for side in SETS:
            setattr(self, side, self._rows(getattr(self, side)))
        super()._sync_dist(*given, **named)

    def _rows(self, kept: list[Tensor] | Tensor) -> list[Tensor]:
        # One tensor after a gather, a list before it, and nothing before any update.
        rows = [kept] if isinstance(kept, Tensor) else kept
        none = torch.zeros(0, self.width, dtype=torch.float64, device=self.device)
        return [none, *rows]


def _check_width(embeddings: Tensor, width: int) -> None:
    check_finite(embeddings)
    if embeddings.shape[1] != width:
        raise ValueError(
            f"Embeddings of {embeddings.shape[1]} features can't be added to those of "
            f"{width}."
        )


def _nothing(width: int) -> _Sums:
    zeros = torch.zeros(width, dtype=torch.float64)
    return zeros, torch.outer(zeros, zeros), torch.zeros((), dtype=torch.int64)


def _sums_of(embeddings: Tensor, device: torch.device) -> _Sums:
    batch = embeddings.detach().to(device, torch.float64)
    count = torch.tensor(len(batch), device=device)
    mean = batch.mean(0) if len(batch) else batch.sum(0)
    centred = batch - mean
    return mean, centred.T @ centred, count


def _merged(a: _Sums, b: _Sums) -> _Sums:
    """Return the sums of two sets together, by Chan's formula."""
    (mean, scatter, count), (other, more, added) = a, b
    total = count + added
    share = added.to(mean.dtype) / total.clamp(min=1)  # two counts give float32
    gap = other - mean
    scatter = scatter + more + count * share * torch.outer(gap, gap)
    return mean + gap * share, scatter, total


def _over_processes(sums: _Sums) -> _Sums:
    """Return the sums of all processes after a gather, which gave each a row."""
    if not sums[2].ndim:
        return sums
    return reduce(_merged, zip(*sums, strict=True))


def _unbiased(sums: _Sums) -> tuple[Tensor, Tensor, int]:
    count = int(sums[2])
    if count < 2:
        raise ValueError(
            f"A covariance needs two embeddings at least and there were {count}."
        )
    return sums[0], sums[1] / (count - 1), count


def _factor(sums: _Sums) -> Factor:
    mean, covariance, count = _unbiased(sums)
    return factor_from_moments(mean.cpu(), covariance.cpu(), count)
