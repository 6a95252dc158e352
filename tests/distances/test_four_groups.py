from collections.abc import Callable
from itertools import permutations, product

import pytest
import torch
from torch import Tensor

from crossemo.distances.cells import Cell
from crossemo.distances.four_groups import (
    distance_products,
    distance_variance,
    variance_replicates,
)
from crossemo.distances.kernel import KernelSums, kernel_sums, linear_sums
from crossemo.distances.leaving_out import leave_out
from tests.distances.normals import normal, ssl_like

SHARED = ("abcde", "abcde")
SEPARATE = ("abcd", "efghi")
PARTLY = ("abcde", "cdefg")


def cells_of(groups: tuple[str, str], clips: tuple[int, int]) -> list[Cell]:
    """Two emotions of either domain; the actors have unequally many clips."""
    cells = []
    for domain, emotion in product((0, 1), (0, 1)):
        names = "".join(
            name * (1 + (number + emotion) % clips[domain])
            for number, name in enumerate(groups[domain])
        )
        x = normal(len(names), 3, 10 * domain + emotion) + domain + emotion
        cells.append(Cell(x, tuple(names)))
    return cells


def by_brute_force(sums: KernelSums, pairs: list[tuple[int, int]]) -> Tensor:
    """Every product of two kernels of four different groups, one by one."""
    names = sorted(set(sums.units.groups))
    units = {
        (cell, group): number
        for number, (cell, group) in enumerate(
            zip(sums.units.cells, sums.units.groups, strict=True)
        )
    }

    def entry(matrix: Tensor, cells: tuple[int, int], g: str, h: str) -> float:
        places = [units.get(one) for one in ((cells[0], g), (cells[1], h))]
        return 0.0 if None in places else float(matrix[places[0], places[1]])

    table = torch.zeros(len(pairs), len(pairs), dtype=torch.float64)
    for (i, (x, y)), (j, (u, v)) in product(enumerate(pairs), enumerate(pairs)):
        for (a, one), (b, other) in product(
            ((1, (x, x)), (1, (y, y)), (-2, (x, y))),
            ((1, (u, u)), (1, (v, v)), (-2, (u, v))),
        ):
            total = count = 0.0
            for g, h, k, m in permutations(names, 4):
                total += entry(sums.sums, one, g, h) * entry(sums.sums, other, k, m)
                count += entry(sums.pairs, one, g, h) * entry(sums.pairs, other, k, m)
            table[i, j] += a * b * total / count
    return table


@pytest.mark.parametrize("groups", [SHARED, SEPARATE, PARTLY])
@pytest.mark.parametrize("kernel", [linear_sums, kernel_sums])
def test_products_are_those_of_brute_force(
    groups: tuple[str, str], kernel: Callable[[list[Cell]], KernelSums]
) -> None:
    sums = kernel(cells_of(groups, (2, 3)))
    pairs = [(0, 2), (1, 3)]
    products = distance_products(sums, pairs)
    torch.testing.assert_close(products, by_brute_force(sums, pairs))


def test_shared_actors_with_equal_clips_have_the_short_formula() -> None:
    groups = tuple("abcdef") * 2
    cells = [Cell(normal(12, 3, seed), groups) for seed in range(4)]
    value = distance_products(linear_sums(cells), [(0, 2), (1, 3)])
    grams = []
    for x, y in ((0, 2), (1, 3)):
        means = [cells[n].embeddings.view(2, 6, 3).mean(0) for n in (x, y)]
        gram = (means[0] - means[1]) @ (means[0] - means[1]).T
        grams.append(gram - gram.diagonal().diag())
    g = 6
    for e, f in product((0, 1), (0, 1)):
        rows = grams[e].sum(1) @ grams[f].sum(1)
        expected = grams[e].sum() * grams[f].sum() - 4 * rows
        expected += 2 * (grams[e] * grams[f]).sum()
        expected /= g * (g - 1) * (g - 2) * (g - 3)
        assert value[e, f].item() == pytest.approx(expected.item())


@pytest.mark.parametrize("shared", [True, False])
def test_the_variance_is_unbiased(shared: bool) -> None:
    """Distances of means of 0 and 1: a variance of 1 / 2."""
    values = []
    for seed in range(500):
        voices = 0.5 * normal(12, 4, seed)
        cells = []
        for domain, emotion in product((0, 1), (0, 1)):
            first = 0 if shared else 6 * domain
            rows = [first + row for row in range(6) for _ in range(3)]
            x = voices[rows] + normal(18, 4, 5000 + 10 * seed + 2 * domain + emotion)
            x[:, 0] += domain * emotion
            cells.append(Cell(x, tuple(f"{row}" for row in rows)))
        products = distance_products(linear_sums(cells), [(0, 2), (1, 3)])
        values.append(distance_variance(products))
    variances = torch.stack(values)
    error = float(variances.std()) / 500**0.5
    assert abs(float(variances.mean()) - 0.5) < 4 * error


def test_replicates_are_those_of_the_groups_left() -> None:
    groups = tuple("abcdef") * 2
    cells = [Cell(ssl_like(12, 3, seed), groups) for seed in range(4)]
    sums, pairs = linear_sums(cells), [(0, 2), (1, 3)]
    out = leave_out(cells[:2], cells[2:], sums.units)
    values = variance_replicates(sums, pairs, out.weights)
    for weights, value in zip(out.weights, values, strict=True):
        (gone,) = {g for g, w in zip(sums.units.groups, weights, strict=True) if w == 0}
        rows = [g != gone for g in groups]
        rest = [
            Cell(one.embeddings[rows], tuple(g for g in groups if g != gone))
            for one in cells
        ]
        expected = distance_variance(distance_products(linear_sums(rest), pairs))
        torch.testing.assert_close(value, expected)


def test_fewer_than_four_groups_have_no_products() -> None:
    groups = tuple("abc") * 2
    cells = [Cell(normal(6, 3, seed), groups) for seed in range(4)]
    assert distance_products(linear_sums(cells), [(0, 2), (1, 3)]).isnan().all()
    assert (
        variance_replicates(linear_sums(cells), [(0, 2)], torch.zeros(0, 12)).numel()
        == 0
    )
