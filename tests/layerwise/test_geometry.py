import math
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group
from torch import Tensor

from crossemo.layerwise.geometry import cka, emotion_products, exchange_p
from tests.distances.normals import normal

LAYERS, GROUPS, EMOTIONS, WIDTH = 2, 5, 4, 6


def means(seed: int = 0, groups: int = GROUPS) -> Tensor:
    return normal(LAYERS * groups * EMOTIONS, WIDTH, seed).view(
        LAYERS, groups, EMOTIONS, WIDTH
    )


def all_there(groups: int = GROUPS) -> Tensor:
    return torch.ones(groups, EMOTIONS, dtype=torch.bool)


def centred(table: Tensor) -> Tensor:
    middle = torch.eye(len(table), dtype=table.dtype) - 1 / len(table)
    return middle @ table @ middle


def test_products_are_means_over_pairs_of_different_groups() -> None:
    values, present = means(), all_there()
    present[0, 1] = present[3, 1] = present[2, 3] = False
    values[:, ~present] = torch.nan
    products = emotion_products(values, present)
    for layer, layer_products in zip(values, products, strict=True):
        table = torch.zeros(EMOTIONS, EMOTIONS, dtype=layer.dtype)
        for a in range(EMOTIONS):
            for b in range(EMOTIONS):
                pairs = [
                    layer[g, a] @ layer[h, b]
                    for g, h in permutations(range(GROUPS), 2)
                    if present[g, a] and present[h, b]
                ]
                table[a, b] = torch.stack(pairs).mean()
        torch.testing.assert_close(layer_products, centred(table))


def test_products_of_noise_are_zero_on_average() -> None:
    noise = means(groups=4000).view(2000, 4, EMOTIONS, WIDTH)
    products = emotion_products(noise, all_there(4))
    error = products.std(0) / len(products) ** 0.5
    assert (products.mean(0).abs() < 4 * error).all()
    # Those of the means themselves are not: W / G is the expectation of their square.
    middle = noise.mean(1)
    naive = torch.stack([centred(one @ one.T) for one in middle]).mean(0)
    expected = centred(torch.eye(EMOTIONS, dtype=naive.dtype) * WIDTH / 4)
    torch.testing.assert_close(naive, expected, atol=0.1, rtol=0)
    assert (naive.diagonal() > 20 * error.diagonal()).all()


def test_products_of_noiseless_means_are_those_of_the_means() -> None:
    truth = means()[:, :1]
    products = emotion_products(truth.expand(-1, GROUPS, -1, -1), all_there())
    expected = torch.stack([centred(one[0] @ one[0].T) for one in truth])
    torch.testing.assert_close(products, expected)


def test_an_emotion_of_one_group_has_no_products() -> None:
    present = all_there()
    present[1:, 2] = False
    assert emotion_products(means(), present).isnan().all()


@given(st.integers(0, 99), st.floats(0.1, 10), st.integers(0, 99))
def test_likeness_is_that_of_the_arrangement_alone(
    seed: int, size: float, turn: int
) -> None:
    rotation = torch.tensor(ortho_group.rvs(WIDTH, random_state=turn))
    offset = normal(1, WIDTH, turn)[0]
    one = emotion_products(means(seed), all_there())
    other = emotion_products(means(seed + 1), all_there())
    moved = emotion_products(size * means(seed) @ rotation + offset, all_there())
    torch.testing.assert_close(cka(moved, other), cka(one, other))
    torch.testing.assert_close(cka(other, moved), cka(one, other).T)
    torch.testing.assert_close(cka(one, moved).diagonal(), torch.ones(2).double())
    assert (cka(one, other).abs() <= 1 + 1e-12).all()


def test_likeness_of_noiseless_means_is_linear_cka() -> None:
    # Kornblith et al. (2019), equation 4, of emotions as examples
    x, y = (means(seed)[:, 0] for seed in (0, 1))
    tables = [
        emotion_products(one[:, None].expand(-1, GROUPS, -1, -1), all_there())
        for one in (x, y)
    ]
    for i, j in np.ndindex(LAYERS, LAYERS):
        a, b = ((side - side.mean(0)).numpy() for side in (x[i], y[j]))
        cross = np.linalg.norm(b.T @ a) ** 2
        expected = cross / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
        assert float(cka(*tables)[i, j]) == pytest.approx(expected)


def test_one_order_in_all_is_the_rarest() -> None:
    tables = emotion_products(means(), all_there())
    p = exchange_p(tables, tables)
    assert p.diagonal().tolist() == pytest.approx([1 / math.factorial(EMOTIONS)] * 2)


def test_p_is_the_share_of_orders_that_are_as_alike() -> None:
    one, other = (emotion_products(means(seed), all_there()) for seed in (0, 1))
    expected = torch.zeros(LAYERS, LAYERS)
    for order in permutations(range(EMOTIONS)):
        for i, j in np.ndindex(LAYERS, LAYERS):
            turned = other[j][np.ix_(order, order)]
            correlation, present = (
                np.corrcoef(one[i].flatten(), side.flatten())[0, 1]
                for side in (turned, other[j])
            )
            expected[i, j] += bool(correlation >= present - 1e-9) / 24
    torch.testing.assert_close(exchange_p(one, other).float(), expected)


def test_two_emotions_are_always_as_alike_the_other_way_round() -> None:
    tables = emotion_products(means()[:, :, :2], all_there()[:, :2])
    assert exchange_p(tables, tables).tolist() == [[1, 1], [1, 1]]


def test_there_is_no_p_where_there_is_no_likeness() -> None:
    whole, broken = (emotion_products(means(seed), all_there()) for seed in (0, 1))
    broken[1, 2, 2] = torch.nan
    assert cka(whole, broken).isnan().tolist() == [[False, True]] * 2
    for p in (exchange_p(whole, broken), exchange_p(broken, whole).T):
        assert p[:, 1].isnan().all()
        assert (p[:, 0] >= 1 / 24).all()


@pytest.mark.parametrize("emotions", [5, 8])
def test_p_of_noise_is_rarely_small(emotions: int) -> None:
    runs = 100
    noise = normal(runs * 2 * 3 * emotions, 3).view(2, runs, 3, emotions, 3)
    present = torch.ones(3, emotions, dtype=torch.bool)
    one, other = (emotion_products(side, present) for side in noise)
    p = exchange_p(one, other).diagonal()
    for level in (0.1, 0.25, 0.5):
        share = float((p <= level).double().mean())
        assert abs(share - level) < 4 * (level * (1 - level) / runs) ** 0.5


def test_seeds_decide_which_orders_are_drawn() -> None:
    noise = normal(2 * 3 * 8, 3).view(2, 1, 3, 8, 3)
    present = torch.ones(3, 8, dtype=torch.bool)
    one, other = (emotion_products(side, present) for side in noise)
    p = [float(exchange_p(one, other, seed)) for seed in (0, 0, 1)]
    assert p[0] == p[1] != p[2]
    assert float(exchange_p(one, one)) == pytest.approx(1 / 5040)
