import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics.pairwise import rbf_kernel
from torch import Tensor

from crossemo.distances.cells import Cell
from crossemo.distances.exchanges import Exchanges
from crossemo.distances.kernel import (
    kernel_distance,
    kernel_sums,
    linear_sums,
    median_distance,
)
from crossemo.metrics.permutation import permutation_p
from tests.distances.normals import normal, ssl_like


def by_hand(x: Tensor, y: Tensor, h: float) -> float:
    xx, yy, xy = (
        rbf_kernel(a.numpy(), b.numpy(), gamma=1 / (2 * h**2))
        for a, b in ((x, x), (y, y), (x, y))
    )
    m, n = len(x), len(y)
    within = (xx.sum() - m) / (m * (m - 1)) + (yy.sum() - n) / (n * (n - 1))
    return float(within - 2 * xy.mean())


@pytest.mark.parametrize(("m", "n"), [(12, 12), (7, 30), (2, 2)])
def test_agrees_with_sklearns_kernel(m: int, n: int) -> None:
    x, y = ssl_like(m, 20), 0.2 + ssl_like(n, 20, seed=1)
    h = float(np.median(pdist(torch.cat((x, y)).numpy())))
    if (m + n) * (m + n - 1) // 2 % 2:  # torch's median is an element
        assert median_distance(torch.cat((x, y))) == pytest.approx(h)
        assert kernel_distance(x, y).item() == pytest.approx(by_hand(x, y, h))
    for bandwidth in (h, 3.0):
        distance = kernel_distance(x, y, bandwidth).item()
        assert distance == pytest.approx(by_hand(x, y, bandwidth), abs=1e-12)


def test_swapping_the_sets_changes_nothing() -> None:
    x, y = ssl_like(9, 5), 1 + ssl_like(14, 5, seed=1)
    assert kernel_distance(x, y).item() == pytest.approx(kernel_distance(y, x).item())


def test_it_is_unbiased_where_the_frechet_distance_is_not() -> None:
    values = [
        kernel_distance(ssl_like(20, 64, 2 * s), ssl_like(40, 64, 2 * s + 1), 1.0)
        for s in range(100)
    ]
    distances = torch.stack(values)
    assert abs(float(distances.mean())) < 3 * float(distances.std()) / 10
    assert (distances < 0).any()


def cells(seed: int = 0) -> tuple[Cell, Cell]:
    """Unequally many clips of actors a, b, c and of a, c, d."""
    x = Cell(ssl_like(9, 6, seed), tuple("aabbbbccc"))
    y = Cell(0.4 + ssl_like(7, 6, seed + 50), tuple("aaccddd"))
    return x, y


def naive(x: Cell, y: Cell, h: float) -> float:
    means = []
    for a, b in ((x, x), (y, y), (x, y)):
        gaps = cdist(a.embeddings.numpy(), b.embeddings.numpy(), "sqeuclidean")
        other = np.array([[g != k for k in b.groups] for g in a.groups])
        means.append(np.exp(-gaps / (2 * h**2))[other].mean())
    return float(means[0] + means[1] - 2 * means[2])


def test_pairs_of_one_group_are_left_out() -> None:
    x, y = cells()
    sums = kernel_sums([x, y], bandwidth=2.0)
    assert sums.distance(0, 1).item() == pytest.approx(naive(x, y, 2.0))
    without_a = torch.tensor([[float(group != "a") for group in sums.units.groups]])
    rest = [
        Cell(
            cell.embeddings[[g != "a" for g in cell.groups]],
            tuple(g for g in cell.groups if g != "a"),
        )
        for cell in (x, y)
    ]
    distance = sums.distance(0, 1, without_a)
    assert distance.tolist() == pytest.approx([naive(rest[0], rest[1], 2.0)])


def test_the_linear_kernel_gives_the_distance_of_means() -> None:
    x, y = cells()
    both = torch.cat((x.embeddings, y.embeddings))
    means = []
    for a, b in ((x, x), (y, y), (x, y)):
        products = (a.embeddings - both.mean(0)) @ (b.embeddings - both.mean(0)).T
        other = torch.tensor([[g != k for k in b.groups] for g in a.groups])
        means.append(products[other].mean())
    expected = means[0] + means[1] - 2 * means[2]
    torch.testing.assert_close(linear_sums([x, y]).distance(0, 1), expected)


def test_merged_groups_are_as_one() -> None:
    x, y = cells()
    sums = kernel_sums([x, y], bandwidth=2.0)
    larger = {"a": "1", "b": "2", "c": "1", "d": "3"}
    merged = sums.merged([larger[group] for group in sums.units.groups])
    renamed = [
        Cell(c.embeddings, tuple(larger[group] for group in c.groups)) for c in (x, y)
    ]
    expected = kernel_sums(renamed, bandwidth=2.0)
    assert merged.units.groups == expected.units.groups
    torch.testing.assert_close(merged.sums, expected.sums)
    torch.testing.assert_close(merged.pairs, expected.pairs)
    assert merged.distance(0, 1).item() == pytest.approx(
        naive(renamed[0], renamed[1], 2.0)
    )


def test_the_distance_of_means_is_unbiased() -> None:
    """Actors differ as much as clips do, and have unequally many of them."""
    values = []
    for seed in range(400):
        voices = normal(10, 6, seed)
        x_rows = [actor for actor in range(6) for _ in range(1 + actor)]
        y_rows = [actor for actor in range(3, 10) for _ in range(10 - actor)]
        x, y = (
            Cell(
                voices[rows] + normal(len(rows), 6, 1000 * part + seed) + part * 0.5,
                tuple(f"{row}" for row in rows),
            )
            for part, rows in ((1, x_rows), (2, y_rows))
        )
        values.append(linear_sums([x, y]).distance(0, 1))
    distances = torch.stack(values)
    error = float(distances.std()) / 20
    assert abs(float(distances.mean()) - 6 * 0.5**2) < 4 * error


def test_exchanged_groups_are_those_of_new_cells() -> None:
    x, y = cells()
    sums = kernel_sums([y, x, y], bandwidth=2.0)  # positions 1 and 2 are compared
    in_first = Exchanges("abc", "acd", 20).between(list("abc"), list("acd"))
    distances = sums.exchanged(1, 2, in_first)
    for row, value in zip(in_first.tolist(), distances.tolist(), strict=True):
        first = dict(zip([*("x" + g for g in "abc"), *("y" + g for g in "acd")], row))  # noqa: B905
        clips = [
            *((f"x{g}", g, e) for g, e in zip(x.groups, x.embeddings, strict=True)),
            *((f"y{g}", g, e) for g, e in zip(y.groups, y.embeddings, strict=True)),
        ]
        new = [
            Cell(
                torch.stack([e for u, _, e in clips if first[u] == side]),
                tuple(g for u, g, _ in clips if first[u] == side),
            )
            for side in (True, False)
        ]
        assert value == pytest.approx(naive(new[0], new[1], 2.0))


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = cells()
    whole = kernel_sums([x, y]).sums
    monkeypatch.setattr("crossemo.distances.kernel._CHUNK", 40)
    torch.testing.assert_close(kernel_sums([x, y]).sums, whole)


@pytest.mark.slow
@pytest.mark.parametrize("others", [range(8), range(8, 16), range(4, 12)])
def test_false_alarms_are_at_their_level(others: range) -> None:
    """Actors differ as much as clips do; the domains don't."""
    alarms = 0
    for seed in range(200):
        voices = normal(16, 8, seed)

        def cell(
            actors: range, part: int, voices: Tensor = voices, s: int = seed
        ) -> Cell:
            rows = [actor for actor in actors for _ in range(4)]
            noise = normal(len(rows), 8, 1000 * part + s)
            return Cell(voices[rows] + noise, tuple(f"{row:02}" for row in rows))

        sums = kernel_sums([cell(range(8), 1), cell(others, 2)])
        units = sums.units
        x, y = ([units.groups[unit] for unit in units.of(c)] for c in (0, 1))
        in_first = Exchanges(x, y, 99, seed).between(x, y)
        permuted = sums.exchanged(0, 1, in_first)
        alarms += float(permutation_p(sums.distance(0, 1), permuted)) <= 0.05
    assert 2 <= alarms <= 21  # 99.9 % of what 200 tests at 5 % give


def test_constant_sets_and_few_clips() -> None:
    x = torch.zeros(4, 3)
    assert kernel_distance(x, x).item() == 0
    with pytest.raises(ValueError, match="1 and 4 clips"):
        kernel_distance(x[:1], x)
    with pytest.raises(ValueError, match="bandwidth of 0"):
        kernel_distance(x, x, 0.0)
