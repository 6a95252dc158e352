"""Permutation tests: p-values of groups exchanged and of names assigned anew."""

from collections.abc import Callable
from itertools import permutations
from math import factorial

import torch
from torch import Tensor

MOST_ORDERS = 5040  # 7!


def permutation_p(observed: Tensor, permuted: Tensor) -> Tensor:
    """Return the share of values that are as large as the observed one, itself counted.

    (Phipson & Smyth, 2010.) Never 0, and valid with any number of draws.

    Args:
        observed: `(...)` values of the statistic.
        permuted: `(draws, ...)` its values under the hypothesis.

    Returns:
        `(...)`; NaN where the observed value is.

    >>> permutation_p(torch.tensor(3.0), torch.tensor([1.0, 2.0, 3.0]))  # (1 + 1) / 4
    tensor(0.5000)
    """
    # An exchange that changes nothing differs by rounding.
    slack = 1e-9 * observed.abs()
    # What an exchange leaves undefined speaks against no hypothesis.
    larger = (~(permuted < observed - slack)).sum(0)
    p = (1 + larger).to(observed.dtype) / (1 + len(permuted))
    return p.masked_fill(observed.isnan(), torch.nan)


def orders(
    count: int, draws: int = MOST_ORDERS, seed: int = 0, most: int = MOST_ORDERS
) -> Tensor:
    """Return the orders of some things, first the one that they are in.

    Args:
        count: Number of things.
        draws: Orders at random where there are more than `most`.
        seed: Seed of the draws.
        most: How many are all tried.

    Returns:
        `(orders, count)`: all of them, or the first one and those drawn.
    """
    if factorial(count) <= most:
        return torch.tensor(list(permutations(range(count))))
    generator = torch.Generator().manual_seed(seed)
    random = torch.rand(draws, count, generator=generator).argsort(1)
    return torch.cat((torch.arange(count)[None], random))


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
        1 / k! for k emotions; from `MOST_ORDERS` at random where there are more.
        NaN if the table holds NaN.

    >>> assignment_p(1 - torch.eye(3), lambda t: -t.diagonal(dim1=1, dim2=2).sum(1))
    0.16666666666666666
    """
    if table.isnan().any():
        return torch.nan
    columns = orders(len(table))
    values = statistic(table[:, columns].transpose(0, 1))
    return float((values >= values[0] - 1e-12).double().mean())
