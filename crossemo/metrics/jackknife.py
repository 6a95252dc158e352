"""The jackknife: variances and intervals from values without each block in turn."""

import torch
from torch import Tensor

from crossemo.metrics.student import student_t


def jackknife_variance(replicates: Tensor) -> Tensor:
    r"""Return the variance of a statistic by the jackknife (Tukey, 1958).

    $$ \tfrac{b - 1}{b} \sum_i (s_i - \bar s)^2 $$

    where $s_i$ is the statistic without block i.

    Args:
        replicates: `(blocks, ...)`.

    Returns:
        `(...)`; NaN with fewer than two blocks.

    >>> jackknife_variance(torch.tensor([1.0, 2.0, 3.0]))  # 2/3 · (1 + 0 + 1)
    tensor(1.3333)
    """
    blocks = len(replicates)
    if blocks < 2:
        return torch.full(replicates.shape[1:], torch.nan, dtype=replicates.dtype)
    return replicates.var(0, correction=0) * (blocks - 1)


def jackknife_interval(
    value: Tensor, replicates: Tensor, level: float = 0.95
) -> tuple[Tensor, Tensor]:
    r"""Return the interval of a statistic for new groups from those at hand.

    $s \pm t \sqrt v$, with the variance v of `jackknife_variance` and Student's t at
    one degree of freedom less than there are blocks.

    For distances of nominally 95 %, 4 to 48 actors and at most 12 blocks, they held the
    truth in 95 to 100 % of simulated runs where the domains were alike, in 89 to 100 %
    where they were not
    (`tests.benchmarks.simulate_distances`).

    Args:
        value: `(...)` the statistic on all groups.
        replicates: `(blocks, ...)`.
        level: Share of intervals that hold the truth, 0 to 1.

    Returns:
        Lower and upper ends, `(...)` each; NaN where a replicate is, or with fewer
        than two blocks.

    >>> low, high = jackknife_interval(torch.tensor(2.0), torch.tensor([1.0, 2.0, 3.0]))
    >>> round(low.item(), 2), round(high.item(), 2)  # 2 ± 4.303 · √1.333
    (-2.97, 6.97)
    """
    half_width = jackknife_variance(replicates).sqrt()
    if len(replicates) > 1:
        half_width = student_t(level, len(replicates) - 1) * half_width
    return value - half_width, value + half_width
