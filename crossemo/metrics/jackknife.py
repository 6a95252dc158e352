"""The jackknife: variances and intervals from values without each block in turn."""

import torch
from torch import Tensor

from crossemo.metrics.names import LEVEL
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
    value: Tensor, replicates: Tensor, level: float = LEVEL
) -> tuple[Tensor, Tensor]:
    r"""Return the interval of a statistic for new groups from those at hand.

    $s \pm t \sqrt v$, with the variance v of `jackknife_variance` and Student's t at
    one degree of freedom less than there are blocks.

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


def root_interval(
    value: Tensor, variance: Tensor, t: Tensor, shown: Tensor
) -> tuple[Tensor, Tensor]:
    r"""Return the interval of a squared distance, which a test lets begin above 0.

    On the scale of its square root, where the noise of a distance hardly grows with its
    value: $(\sqrt D \pm t s / 2 \sqrt b)^2$ with the standard error s and
    $b = \max(D, t s / 2)$. At a distance of 0 the jackknife's variance is some two
    times too large, so that no interval alone would begin above 0 often enough. Whether
    it does is said by a permutation test of the same distance instead; where that shows
    nothing, the lower end is that of $D \pm t s$, and 0 at most.

    Args:
        value: `(...)` estimates of a squared distance, which may be negative.
        variance: `(...)` their jackknife variances.
        t: `(...)` quantiles of Student's distribution.
        shown: `(...)` bool, whether a test has shown a distance above 0.

    Returns:
        Lower and upper ends, `(...)` each; NaN where the variance or t is.

    >>> one, yes = torch.ones(1), torch.tensor([True])
    >>> low, high = root_interval(4 * one, one, 2 * one, yes)  # (2 ± 2 / 4)²
    >>> low.item(), high.item()
    (2.25, 6.25)
    >>> [end.item() for end in root_interval(4 * one, one, 2 * one, ~yes)]
    [0.0, 6.25]
    """
    half = t * variance.sqrt()
    base = torch.maximum(value, half / 2)
    root = torch.where(half > 0, half / (2 * base.clamp(min=0).sqrt()), half)
    high = value + half + root.square()
    above = (value.clamp(min=0).sqrt() - root).clamp(min=0).square()
    low = torch.where(shown & (value > 0), above, (value - half).clamp(max=0))
    return low.masked_fill(half.isnan(), torch.nan), high
