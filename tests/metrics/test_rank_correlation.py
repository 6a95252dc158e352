from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.stats import permutation_test, spearmanr

from crossemo.metrics.rank_correlation import RankCorrelation, rank_correlation


def tensors(seed: int, *shapes: tuple[int, ...], levels: int = 0) -> list[torch.Tensor]:
    """Normal numbers, or some few levels that make ties."""
    rng = np.random.default_rng(seed)
    values = [
        rng.integers(levels, size=shape) if levels else rng.standard_normal(shape)
        for shape in shapes
    ]
    return [torch.tensor(value).double() for value in values]


@pytest.mark.parametrize("levels", [0, 3])
def test_one_stratum_is_spearmans_with_its_exact_test(levels: int) -> None:
    first, second = tensors(1, (1, 6), (2, 1, 6), levels=levels)
    ours = rank_correlation(first, second)
    for layer in range(2):
        x, y = first[0].numpy(), second[layer, 0].numpy()
        assert ours.rho[layer] == pytest.approx(spearmanr(x, y).statistic)
        theirs = permutation_test(
            (x,),
            lambda one, y=y: spearmanr(one, y).statistic,
            permutation_type="pairings",
            alternative="less",
            n_resamples=np.inf,
        )
        assert ours.p[layer] == pytest.approx(theirs.pvalue)
        far = np.abs(theirs.null_distribution) >= abs(theirs.statistic) - 1e-12
        assert ours.p_two_sided[layer] == pytest.approx(far.mean())


def test_without_ties_strata_have_the_mean_of_their_correlations() -> None:
    first, second = tensors(2, (3, 5), (3, 5))
    ours = rank_correlation(first, second)
    assert len(ours.values) == 120
    pairs = list(zip(first.numpy(), second.numpy(), strict=True))
    for number, order in enumerate(permutations(range(5))):
        mean = np.mean([spearmanr(x, y[list(order)]).statistic for x, y in pairs])
        assert ours.values[number] == pytest.approx(mean)


def test_things_without_a_value_count_for_nothing() -> None:
    first = torch.tensor([[1, 2, 3, 4, torch.nan]])
    second = torch.tensor([[1, 2, 4, 3, 5.0]])
    # (-1.5, -.5, .5, 1.5, 0) and (-2, -1, 1, 0, 2)
    rho = rank_correlation(first, second).rho
    assert rho.item() == pytest.approx(4 / (5 * 10) ** 0.5)


def test_what_is_the_same_of_all_things_has_no_correlation() -> None:
    none = rank_correlation(torch.ones(1, 4), torch.arange(4.0)[None])
    for value in (none.rho, none.p, none.p_two_sided, none.least_p, none.chance_low()):
        assert value.isnan()


@pytest.mark.parametrize(
    ("things", "critical"),
    [(3, np.nan), (4, -1.0), (5, -0.9), (6, -0.829), (7, -0.714)],
)
def test_chance_reaches_the_critical_values_of_published_tables(
    things: int, critical: float
) -> None:
    # One-sided, 5 %: Zar (1972), Journal of the American Statistical Association 67.
    things_in_order = torch.arange(float(things))[None]
    low = rank_correlation(things_in_order, things_in_order).chance_low()
    assert low.item() == pytest.approx(critical, abs=5e-4, nan_ok=True)


def test_few_things_and_ties_limit_p() -> None:
    up = torch.arange(4.0)[None]
    assert rank_correlation(up, -up).p.item() == pytest.approx(1 / 24)
    assert rank_correlation(up, up).least_p.item() == pytest.approx(1 / 24)
    tied = torch.tensor([[1.0, 1, 2, 3]])  # two orders are the same
    assert rank_correlation(up, tied).least_p.item() == pytest.approx(2 / 24)


def test_all_orders_of_eight_are_tried_and_random_ones_of_more() -> None:
    for things, orders in ((8, 40_320), (9, 10_000)):
        up = torch.arange(float(things))[None]
        assert len(rank_correlation(up, -up).values) == orders
        assert rank_correlation(up, -up).p.item() == pytest.approx(1 / orders)


def test_verdicts_of_several_are_apart() -> None:
    values = torch.tensor([[-1.0, 0.5], [0.0, 1.0], [-0.5, -1.0], [-1.0, 0.0]])
    both = RankCorrelation(values.double())
    assert both.p.tolist() == [0.5, 0.75]
    assert both.p_two_sided.tolist() == [0.5, 0.75]
    assert both.chance_low(0.5).tolist() == [-1.0, 0.0]
