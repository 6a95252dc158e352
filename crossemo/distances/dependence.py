"""Whether the difference between two domains depends on the emotion."""

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from crossemo.distances.cells import Cell, deal, groups_of
from crossemo.distances.exchanges import drawn_rows
from crossemo.distances.leaving_out import MOST_BLOCKS


def dependence_test(
    xs: Sequence[Cell], ys: Sequence[Cell], draws: int, seed: int = 0
) -> tuple[float, float]:
    r"""Test whether the means of two domains differ alike in all emotions.

    The hypothesis is that the difference of the domains' means is the same vector for
    every emotion. Then the emotions of the differences of one actor can be exchanged.
    Groups of one domain alone are dealt to bundles, as many as the rarest emotion has
    such groups, one bundle of x beside one of y. What lacks an emotion is left out, and
    so are clips beyond as many as the rarest emotion of a bundle has. The statistic is
    the variance over emotions of $|m_x - m_y|^2$, from products of different groups. As
    the vectors are tested, differences that are as long but lead elsewhere are rejected
    too.

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
    sides = ((x - y, xs), (y - x, ys))
    # Songs have one emotion mostly, and a bundle needs all.
    bundles = min(
        len(alone.intersection(cell.groups)) for alone, cells in sides for cell in cells
    )
    bundles = min(bundles, MOST_BLOCKS)
    for alone, cells in sides:
        if bundles:
            members = [alone.intersection(cell.groups) for cell in cells]
            dealt = deal(members, bundles, Random(seed))
            bundle_of |= {group: shared + bundle for group, bundle in dealt.items()}
    means = [_bundle_means(cells, bundle_of, shared + bundles) for cells in (xs, ys)]
    differences = (means[0] - means[1]).transpose(0, 1)
    whole = differences.isfinite().flatten(1).all(1)
    return differences[whole]


def _bundle_means(
    cells: Sequence[Cell], bundle_of: dict[str, int], bundles: int
) -> Tensor:
    """Return the mean of each bundle's clips, `(emotions, bundles, width)`.

    A bundle counts with equally many clips of every emotion, or those of few would vary
    more than the others; NaN where it lacks one.
    """
    members = [
        [bundle_of.get(group, -1) for group in cell.groups]  # -1 is nobody's
        for cell in cells
    ]
    least = {
        bundle: min(one.count(bundle) for one in members) for bundle in range(bundles)
    }
    means = []
    for cell, of_rows in zip(cells, members, strict=True):
        rows = drawn_rows(of_rows, least)
        numbers = torch.tensor([of_rows[row] for row in rows], dtype=torch.long)
        clips = cell.embeddings[rows].to(torch.float64)
        sums = clips.new_zeros(bundles, clips.shape[1]).index_add_(0, numbers, clips)
        means.append(sums / numbers.bincount(minlength=bundles)[:, None])
    return torch.stack(means)
