from math import sqrt

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.covariance import ledoit_wolf

from crossemo.metrics.familiarity import (
    distances_left_out,
    limits_of_new,
    reference_of,
    shrunk_covariance,
)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("clips", [5, 60, 2000])
def test_the_covariance_is_that_of_scikit_learn(clips: int) -> None:
    values = drawn(clips, 30) @ drawn(30, 30, seed=1) + 7
    expected, _ = ledoit_wolf(values.numpy())
    assert shrunk_covariance(values).numpy() == pytest.approx(expected, rel=1e-9)


def test_distances_are_mahalanobis_s() -> None:
    values = drawn(80, 6) @ drawn(6, 6, seed=1)
    inverse = np.linalg.inv(ledoit_wolf(values.numpy())[0])
    apart = (values - values.mean(0)).numpy()
    expected = np.sqrt(np.einsum("ni,ij,nj->n", apart, inverse, apart) / 6)
    distances = reference_of(values).distances(values)
    assert distances.numpy() == pytest.approx(expected, rel=1e-4)


def test_each_clip_is_compared_with_other_groups_alone() -> None:
    values, groups = drawn(9, 2), [*"aabbbcccc"]
    distances = distances_left_out(values, groups)
    for name in "abc":
        inside = torch.tensor([group == name for group in groups])
        expected = reference_of(values[~inside]).distances(values[inside])
        assert distances[inside].tolist() == expected.tolist()


def test_many_groups_are_left_out_together() -> None:
    values, groups = drawn(23, 2), [f"{number:02}" for number in range(23)]
    distances = distances_left_out(values, groups)
    part = torch.arange(23) % 10 == 3
    assert distances[part].equal(reference_of(values[~part]).distances(values[part]))


def test_embeddings_that_are_all_alike_have_a_reference() -> None:
    assert reference_of(torch.ones(5, 3)).distances(torch.ones(2, 3)).tolist() == [0, 0]


def test_limits_by_hand() -> None:
    # Three groups of two: 0 ± 1, 4 ± 1, 8 ± 1; MSB 32, MSW 2.
    values, groups = torch.tensor([-1.0, 1, 3, 5, 7, 9]), [*"aabbcc"]
    between, within = (32 - 2) / 2, 2
    spread = sqrt(between * (1 + 1 / 3) + within * (1 + 1 / 6))
    first, second = (1 + 1 / 3) / 2 * 32, (1 + 1 / 6 - (1 + 1 / 3) / 2) * 2
    freedom = spread**4 / (first**2 / 2 + second**2 / 3)
    reach = stats.t.ppf(0.95, freedom) * spread
    assert limits_of_new(values, groups, 0.1) == pytest.approx((4 - reach, 4 + reach))


def test_without_differences_of_groups_it_is_the_usual_prediction_interval() -> None:
    values, groups = torch.tensor([1.0, 2, 4, 7, 5]), [*"abcde"]
    reach = stats.t.ppf(0.9, 4) * float(values.std()) * sqrt(1 + 1 / 5)
    low, high = limits_of_new(values, groups, 0.2)
    assert (low, high) == pytest.approx((3.8 - reach, 3.8 + reach))


def test_long_tails_have_their_own_limits() -> None:
    values = torch.cat((torch.zeros(980), torch.full((20,), 50.0)))
    groups = [f"{number % 50}" for number in range(1000)]
    assert limits_of_new(values, groups, 0.02)[1] == 50


@pytest.mark.parametrize(("groups", "between"), [(4, 0.5), (8, 0.1), (30, 0.5)])
def test_a_share_of_the_clips_of_new_groups_lies_beyond(
    groups: int, between: float
) -> None:
    # 400 sets of 20 clips of each group; 2000 new groups of one clip.
    names = [f"{group}" for group in range(groups) for _ in range(20)]
    alike = drawn(400, groups, 1, seed=2) * sqrt(between)
    clips = alike + drawn(400, groups, 20, seed=3) * sqrt(1 - between)
    new = drawn(2000, seed=4)
    beyond = []
    for values in clips.flatten(1):
        low, high = limits_of_new(values, names, 0.05)
        beyond.append(float(((new < low) | (new > high)).double().mean()))
    assert 0.03 < sum(beyond) / 400 < 0.07
