"""Quantiles and p-values of Student's t distribution."""

import torch
from torch import Tensor


def student_t(level: float, freedom: float) -> float:
    """Return the t that has a share of Student's distribution between -t and t.

    Args:
        level: The share, 0 to 1.
        freedom: Degrees of freedom.

    >>> round(student_t(0.95, 5), 6)
    2.570582
    """
    from scipy.special import stdtrit  # a fit that asks for no interval needs no SciPy

    return float(stdtrit(freedom, (1 + level) / 2))


def student_quantiles(level: float, freedom: Tensor) -> Tensor:
    """Return `student_t` of several degrees of freedom.

    Args:
        level: The share, 0 to 1.
        freedom: `(...)`.

    Returns:
        `(...)` float64; NaN where there is no degree of freedom.
    """
    from scipy.special import stdtrit

    degrees = torch.where(freedom > 0, freedom, torch.nan).double()
    return torch.as_tensor(stdtrit(degrees.numpy(), (1 + level) / 2))


def student_p(t: Tensor, freedom: int) -> Tensor:
    """Return two-sided p-values of t: the share of the distribution outside -t and t.

    Args:
        t: `(...)`.
        freedom: Degrees of freedom.

    Returns:
        `(...)` float64; NaN where t is.

    >>> student_p(torch.tensor([0.0, 2.570582]), 5)
    tensor([1.0000, 0.0500], dtype=torch.float64)
    """
    from scipy.special import stdtr

    lower_tail = stdtr(freedom, -t.abs().double().cpu().numpy())
    return 2 * torch.as_tensor(lower_tail)
