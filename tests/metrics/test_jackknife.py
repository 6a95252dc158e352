import pytest
import torch
from scipy.stats import t

from crossemo.metrics.jackknife import (
    jackknife_interval,
    jackknife_variance,
    root_interval,
)


def test_of_a_mean_it_is_the_textbook_interval() -> None:
    x = torch.tensor([1.0, 4.0, 4.0, 9.0, 12.0], dtype=torch.float64)
    replicates = (x.sum() - x) / 4
    assert jackknife_variance(replicates).item() == pytest.approx(x.var().item() / 5)
    low, high = jackknife_interval(x.mean(), replicates, 0.9)
    expected = t.interval(0.9, 4, x.mean().item(), (x.var().item() / 5) ** 0.5)
    assert (low.item(), high.item()) == pytest.approx(expected, rel=1e-6)


def test_entries_have_their_own_intervals() -> None:
    replicates = torch.tensor([[1.0, 5.0], [2.0, 5.0], [torch.nan, 5.0]])
    low, high = jackknife_interval(torch.tensor([1.5, 5.0]), replicates)
    assert low.isnan().tolist() == high.isnan().tolist() == [True, False]
    assert low[1].item() == high[1].item() == 5


@pytest.mark.parametrize("blocks", [0, 1])
def test_without_two_blocks_there_is_no_interval(blocks: int) -> None:
    low, high = jackknife_interval(torch.zeros(2), torch.zeros(blocks, 2))
    assert low.isnan().all()
    assert high.isnan().all()


def test_a_shown_distance_has_the_interval_of_its_square_root() -> None:
    value = torch.tensor([9.0, 0.5, 1e-4])
    half, yes = torch.tensor([3.0, 2.0, 2.0]), torch.tensor([True] * 3)
    low, high = root_interval(value, half.square(), torch.ones(3), yes)
    root = value[0].sqrt()
    assert low[0].item() == pytest.approx((root - 3 / (2 * root)).item() ** 2)
    assert high[0].item() == pytest.approx((root + 3 / (2 * root)).item() ** 2)
    # Near 0 the scale is that of half the half-width, and the end is 0 at least.
    assert low[1:].tolist() == [0, 0]
    assert high[1].item() == pytest.approx(0.5 + 2 + 4 / (4 * 1))


def test_what_is_not_shown_begins_at_zero_at_most() -> None:
    value = torch.tensor([9.0, 0.5, -1.0, 9.0])
    half = torch.tensor([3.0, 2.0, 2.0, torch.nan])
    low, high = root_interval(value, half.square(), torch.ones(4), torch.zeros(4) > 0)
    assert low[:3].tolist() == [0, -1.5, -3]
    assert high[:3].tolist() == pytest.approx([9 + 3 + 9 / 36, 0.5 + 2 + 1, -1 + 2 + 1])
    assert low[3].isnan()
    assert high[3].isnan()
    # A test can't show what is not above 0.
    low, _ = root_interval(value[2:3], half[2:3] ** 2, torch.ones(1), torch.ones(1) > 0)
    assert low.item() == -3


def test_without_noise_the_interval_is_the_value() -> None:
    value = torch.tensor([2.0, 0.0, -1.0])
    ends = root_interval(value, torch.zeros(3), torch.ones(3), torch.ones(3) > 0)
    assert ends[0].tolist() == pytest.approx([2.0, 0.0, -1.0])
    assert ends[1].tolist() == [2.0, 0.0, -1.0]
