import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossemo.metrics.multiple_tests import benjamini_hochberg


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_is_the_least_rate_at_which_a_test_is_a_discovery(p: list[float]) -> None:
    # All p up to one of them are discoveries at the rate m p / their number.
    rates = {one: len(p) * one / sum(other <= one for other in p) for one in p}
    expected = [min(rates[other] for other in p if other >= one) for one in p]
    q = benjamini_hochberg(torch.tensor(p, dtype=torch.float64))
    assert q.tolist() == pytest.approx(expected, rel=1e-12, abs=0)


def test_no_test_is_not_corrected_for() -> None:
    nan = torch.nan
    q = benjamini_hochberg(torch.tensor([0.02, nan, 0.03]))
    assert q[[0, 2]].tolist() == pytest.approx([0.03, 0.03])
    assert q[1].isnan()
    assert benjamini_hochberg(torch.tensor([nan])).isnan().all()
