import pytest
import torch
from scipy.stats import beta, binomtest, t

from crossemo.metrics.shares import share_interval


@pytest.mark.parametrize("hits", [0, 3, 20])
def test_of_two_groups_it_is_that_of_clopper_and_pearson(hits: int) -> None:
    interval = share_interval(torch.arange(20) < hits, [*"ab"] * 10)
    expected = binomtest(hits, 20).proportion_ci(method="exact")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.unit == "clip"


def test_that_of_korn_and_graubard_by_hand() -> None:
    # Four groups of five with 0, 0, 1 and 3: a share of 0.2.
    hits = torch.tensor([[0] * 5, [0] * 5, [1] + [0] * 4, [1] * 3 + [0] * 2])
    without = [4 / 15, 4 / 15, 3 / 15, 1 / 15]
    mean = sum(without) / 4
    variance = 3 / 4 * sum((one - mean) ** 2 for one in without)
    ratio = t.ppf(0.975, 19) / t.ppf(0.975, 3)
    count = 0.2 * 0.8 / variance * ratio**2
    expected = (
        beta.ppf(0.025, 0.2 * count, 0.8 * count + 1),
        beta.ppf(0.975, 0.2 * count + 1, 0.8 * count),
    )
    groups = [name for name in "abcd" for _ in range(5)]
    interval = share_interval(hits.flatten().bool(), groups)
    assert (interval.low, interval.high) == pytest.approx(expected)
    assert interval.unit == "group"


def test_of_no_hit_each_group_counts_once() -> None:
    interval = share_interval(torch.zeros(60).bool(), [*"abcdef"] * 10)
    assert interval.low == 0
    assert interval.high == pytest.approx(1 - 0.025 ** (1 / 6))


def test_it_holds_the_share_of_new_groups() -> None:
    # 400 samples of 8 groups of 30 clips, whose shares are of beta(1, 9): 0.1 in mean.
    generator = torch.Generator().manual_seed(0)
    shares = 1 - torch.rand(400, 8, 1, generator=generator) ** (1 / 9)
    hits = torch.rand(400, 8, 30, generator=generator) < shares
    groups = [name for name in "abcdefgh" for _ in range(30)]
    intervals = [share_interval(one.flatten(), groups) for one in hits]
    inside = sum(one.low <= 0.1 <= one.high for one in intervals)
    assert inside >= 0.93 * 400
