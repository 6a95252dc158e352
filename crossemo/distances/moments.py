"""Mean and covariance of embeddings that come batch by batch."""

from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from crossemo.distances.frechet import Factor, check_finite, factor_from_moments

# A mean (d,), a scatter matrix (d, d) about it and a count.
Sums = tuple[Tensor, Tensor, Tensor]
PARTS = ("mean", "scatter", "count")


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
        for name, zeros in zip(PARTS, nothing(width), strict=True):
            self.add_state(name, zeros, dist_reduce_fx=None)

    def update(self, embeddings: Tensor) -> None:
        """Add a batch.

        Args:
            embeddings: `(n, d)` in any precision; n may be 0.

        Raises:
            ValueError: The shape doesn't fit, or there is NaN or infinity.
        """
        check_width(embeddings, self.width)
        self._set(merged(self._sums(), sums_of(embeddings, self.mean.device)))

    def compute(self) -> tuple[Tensor, Tensor, int]:
        """Return the mean `(d,)`, the unbiased covariance `(d, d)` and the count.

        Raises:
            ValueError: There were fewer than two embeddings.
        """
        return unbiased(over_processes(self._sums()))

    def factor(self) -> Factor:
        """Return what distances to other sets need, on the CPU.

        It is of this process's embeddings; `gathered().factor()` is of those of all.

        Raises:
            ValueError: There were fewer than two embeddings.
        """
        return factor_of(self._sums())

    def gathered(self) -> "Moments":
        """Return the moments of all processes' embeddings; to be called by all."""
        whole = Moments(self.width).to(self.mean.device)
        with self.sync_context():
            whole._set(over_processes(self._sums()))
        return whole

    def _reduce_states(self, incoming_state: dict[str, Any]) -> None:
        """Add other moments, for torchmetrics' `merge_state` and `forward`."""
        mean, scatter, count = (incoming_state[name] for name in PARTS)
        self._set(merged(self._sums(), (mean, scatter, count)))

    def _sums(self) -> Sums:
        return self.mean, self.scatter, self.count

    def _set(self, sums: Sums) -> None:
        self.mean, self.scatter, self.count = sums


def check_width(embeddings: Tensor, width: int) -> None:
    """Check that a batch can be added to sums of that many features.

    Raises:
        ValueError: The shape doesn't fit, or there is NaN or infinity.
    """
    check_finite(embeddings)
    if embeddings.shape[1] != width:
        raise ValueError(
            f"Embeddings of {embeddings.shape[1]} features can't be added to those of "
            f"{width}."
        )


def nothing(width: int) -> Sums:
    """Return the sums of no embeddings."""
    zeros = torch.zeros(width, dtype=torch.float64)
    return zeros, torch.outer(zeros, zeros), torch.zeros((), dtype=torch.int64)


def sums_of(embeddings: Tensor, device: torch.device) -> Sums:
    """Return the sums of a batch `(n, d)`, in float64."""
    batch = embeddings.detach().to(device, torch.float64)
    count = torch.tensor(len(batch), device=device)
    mean = batch.mean(0) if len(batch) else batch.sum(0)
    centred = batch - mean
    return mean, centred.T @ centred, count


def merged(a: Sums, b: Sums) -> Sums:
    """Return the sums of two sets together, by Chan's formula."""
    (mean, scatter, count), (other, more, added) = a, b
    total = count + added
    share = added.to(mean.dtype) / total.clamp(min=1)  # two counts give float32
    gap = other - mean
    scatter = scatter + more + count * share * torch.outer(gap, gap)
    return mean + gap * share, scatter, total


def over_processes(sums: Sums) -> Sums:
    """Return the sums of all processes after a gather, which gave each a row."""
    if not sums[2].ndim:
        return sums
    return reduce(merged, zip(*sums, strict=True))


def unbiased(sums: Sums) -> tuple[Tensor, Tensor, int]:
    """Return the mean, the unbiased covariance and the count.

    Raises:
        ValueError: There were fewer than two embeddings.
    """
    count = int(sums[2])
    if count < 2:
        raise ValueError(
            f"A covariance needs two embeddings at least and there were {count}."
        )
    return sums[0], sums[1] / (count - 1), count


def factor_of(sums: Sums) -> Factor:
    """Return what distances to other sets need, on the CPU.

    Raises:
        ValueError: There were fewer than two embeddings.
    """
    mean, covariance, count = unbiased(sums)
    return factor_from_moments(mean.cpu(), covariance.cpu(), count)
