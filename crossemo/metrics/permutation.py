"""Permutation tests of whole groups, and what becomes of many tests at once."""

from collections.abc import Callable
from itertools import permutations
from math import factorial

import torch
from torch import Tensor

MOST_ASSIGNMENTS = 5040  # 7!


def permutation_p(observed: Tensor, drawn: Tensor) -> Tensor:
    """Return the share of values that are as large as the observed one, itself counted.

    (Phipson & Smyth, 2010.) Never 0, and valid with any number of draws.

    Args:
        observed: `(...)`.
        drawn: `(draws, ...)` values under the hypothesis.

    Returns:
        `(...)`; NaN where the observed value is.

    >>> permutation_p(torch.tensor(3.0), torch.tensor([1.0, 2.0, 3.0]))  # (1 + 1) / 4
    tensor(0.5000)
    """
    slack = (
        1e-9 * observed.abs()
    )  # an exchange that changes nothing differs by rounding
    larger = (drawn >= observed - slack).sum(0)
    p = (1 + larger).to(observed.dtype) / (1 + len(drawn))
    return p.masked_fill(observed.isnan(), torch.nan)


def benjamini_hochberg(p: Tensor) -> Tensor:
    r"""Return p-values corrected for their number, so as to bound false discoveries.

    $$ q_{(i)} = \min_{j \ge i} \tfrac{m}{j} p_{(j)} $$

    (Benjamini & Hochberg, 1995). Among tests with q ≤ 0.05 an expected 5 % at most are
    false alarms, also where the tests depend on each other positively, as those of
    neighbouring layers do.

    Args:
        p: `(m,)`; NaN counts as no test.

    Returns:
        `(m,)`, NaN where p is.

    >>> benjamini_hochberg(torch.tensor([0.01, 0.04, 0.03]))  # 3·.01, 3/3·.04
    tensor([0.0300, 0.0400, 0.0400])
    """
    q = torch.full_like(p, torch.nan)
    tested = (~p.isnan()).nonzero().flatten()
    order = tested[p[tested].argsort(descending=True)]
    ranks = torch.arange(len(order), 0, -1, dtype=p.dtype)
    if len(order):
        q[order] = (p[order] * len(order) / ranks).cummin(0).values.clamp(max=1)
    return q


def assignment_p(table: Tensor, statistic: Callable[[Tensor], Tensor]) -> float:
    """Return how rare a statistic of a square table is among all orders of its columns.

    Rows and columns are emotions in two domains: were no emotion of one domain bound to
    one of the other, every assignment would be as likely as that by name. Where only
    few are bound, many assignments leave them in place: of six emotions one alone gives
    p = 1/6 at best, however sure it is.

    Args:
        table: `(emotions, emotions)`.
        statistic: Takes `(assignments, emotions, emotions)` tables and gives a value
            for each, large where the same emotions are near.

    Returns:
        Share of the assignments whose value is at least that of the table, never below
        1 / k! for k emotions; from `MOST_ASSIGNMENTS` at random where there are more.
        NaN if the table holds NaN.

    >>> assignment_p(1 - torch.eye(3), lambda t: -t.diagonal(dim1=1, dim2=2).sum(1))
    0.16666666666666666
    """
    if table.isnan().any():
        return torch.nan
    k = len(table)
    if factorial(k) <= MOST_ASSIGNMENTS:
        orders = torch.tensor(list(permutations(range(k))))
    else:
        generator = torch.Generator().manual_seed(0)
        draws = torch.rand(MOST_ASSIGNMENTS, k, generator=generator).argsort(1)
        orders = torch.cat((torch.arange(k)[None], draws))
    values = statistic(table[:, orders].transpose(0, 1))
    return float((values >= values[0] - 1e-12).double().mean())
