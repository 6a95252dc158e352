import mpmath
import pytest
import torch

from crossemo.metrics.student import student_p, student_t

FREEDOMS = [1, 2, 3, 10, 23, 500]


def outside(t: float, freedom: int) -> float:
    """The share outside -t and t in sixty digits, an incomplete beta function."""
    with mpmath.workdps(60):
        v, x = mpmath.mpf(freedom), mpmath.mpf(t)
        return float(mpmath.betainc(v / 2, 0.5, 0, v / (v + x * x), regularized=True))


@pytest.mark.parametrize("level", [1e-3, 0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("freedom", FREEDOMS)
def test_the_quantile_leaves_the_rest_outside(level: float, freedom: int) -> None:
    share = outside(student_t(level, freedom), freedom)
    assert share == pytest.approx(1 - level, rel=1e-9)
    assert 1 - share == pytest.approx(level, rel=1e-9)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_p_is_the_share_outside(freedom: int) -> None:
    values = torch.cat((torch.linspace(-8, 8, 161), torch.tensor([1e-9, 40.0])))
    expected = [outside(t, freedom) for t in values.abs().tolist()]
    p = student_p(values, freedom)
    assert p.dtype == torch.float64
    assert p.tolist() == pytest.approx(expected, rel=1e-9)
    critical = torch.tensor([student_t(0.95, freedom)], dtype=torch.float64)
    assert float(student_p(critical, freedom)) == pytest.approx(0.05)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_p_of_infinity_is_none_and_of_no_number_is_no_number(freedom: int) -> None:
    p = student_p(torch.tensor([torch.inf, -torch.inf, torch.nan]), freedom)
    assert p[:2].tolist() == [0, 0]
    assert p[2].isnan()
