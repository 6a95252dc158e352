import pytest
import torch
from scipy.stats import t

from crossemo.metrics.jackknife import jackknife_interval, jackknife_variance


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
