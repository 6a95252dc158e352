"""Whether the difference between two domains depends on the emotion."""

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from crossemo.distances.cells import Cell, deal, groups_of


def dependence_test(
    xs: Sequence[Cell], ys: Sequence[Cell], draws: int, seed: int = 0
) -> tuple[float, float]:
    r"""Test whether the means of two domains differ alike in all emotions.

    The hypothesis is that the difference of the domains' means is the same vector for
    every emotion. Then the emotions of the differences of one actor can be exchanged.
    Groups of one domain alone are dealt to as many bundles as the domain with fewer has
    groups, one bundle of x beside one of y. What lacks an emotion is left out. The
    statistic is the variance over emotions of $|m_x - m_y|^2$, from products of
    different groups. As the vectors are tested, differences that are as long but lead
    elsewhere are rejected too.

    Args:
        xs: Cells of one domain, one for each emotion.
        ys: Cells of the other, in the same order.
        draws: Number of exchanges.
        seed: Seed of the draws.

    Returns:
        The statistic and its p-value; NaN with fewer than two emotions or groups.
    """
    differences = _differences(xs, ys, seed)
    bundles, emotions = differences.shape[:2]
    if bundles < 2 or emotions < 2 or not draws:
        return torch.nan, torch.nan
    flat = differences.flatten(0, 1)
    products = (flat @ flat.T).view(bundles, emotions, bundles, emotions)
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(draws, bundles, emotions, generator=generator).argsort(2)
    order = torch.cat((torch.arange(emotions).expand(1, bundles, emotions), order))
    statistic = _variances(products, order)
    larger = statistic >= statistic[0] * (1 - 1e-9)
    return float(statistic[0]), float(larger.double().mean())


def _variances(products: Tensor, order: Tensor) -> Tensor:
    """Return the variance over emotions of the distances of means, for every order."""
    bundles, emotions = order.shape[1:]
    across = torch.arange(bundles)
    total = torch.zeros(len(order), emotions, dtype=torch.float64)
    for one in range(bundles):
        # of bundle `one` with all others: (orders, bundles, emotions)
        picked = products[one][order[:, one][:, None], across[:, None], order]
        total += picked.sum(1) - picked[:, one]
    return (total / (bundles * (bundles - 1))).var(1)


def _differences(xs: Sequence[Cell], ys: Sequence[Cell], seed: int) -> Tensor:
    """Return differences of means, `(bundles, emotions, width)` float64."""
    x, y = groups_of(xs), groups_of(ys)
    bundle_of = {group: number for number, group in enumerate(sorted(x & y))}
    shared = len(bundle_of)
    bundles = min(len(x - y), len(y - x))
    for alone, cells in ((x - y, xs), (y - x, ys)):
        if bundles:
            members = [alone.intersection(cell.groups) for cell in cells]
            dealt = deal(members, bundles, Random(seed))
            bundle_of |= {group: shared + bundle for group, bundle in dealt.items()}
    means = [
        torch.stack(
            [_bundle_means(cell, bundle_of, shared + bundles) for cell in cells]
        )
        for cells in (xs, ys)
    ]
    differences = (means[0] - means[1]).transpose(0, 1)
    whole = differences.isfinite().flatten(1).all(1)
    return differences[whole]


def _bundle_means(cell: Cell, bundle_of: dict[str, int], bundles: int) -> Tensor:
    """Return the mean of each bundle's clips, `(bundles, width)`; NaN where none is."""
    rows = [row for row, group in enumerate(cell.groups) if group in bundle_of]
    numbers = torch.tensor([bundle_of[cell.groups[row]] for row in rows]).long()
    clips = cell.embeddings[rows].to(torch.float64)
    sums = clips.new_zeros(bundles, clips.shape[1]).index_add_(0, numbers, clips)
    return sums / numbers.bincount(minlength=bundles)[:, None]
