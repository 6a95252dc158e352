from itertools import product

import mpmath
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from torch import Tensor
from torchaudio.functional import frechet_distance as torchaudio_distance

from crossemo.distances.frechet import (
    factor,
    factor_from_moments,
    frechet_distance,
    frechet_term_pairs,
    frechet_terms,
    mean_trace,
)
from tests.distances.normals import normal, ssl_like


def sample_with(mean: list[float], deviations: list[float]) -> Tensor:
    """Two points per axis, so that the covariance is diagonal and known."""
    d = len(mean)
    scale = torch.tensor(deviations, dtype=torch.float64) * ((2 * d - 1) / 2) ** 0.5
    axes = torch.eye(d, dtype=torch.float64) * scale
    return torch.cat((axes, -axes)) + torch.tensor(mean, dtype=torch.float64)


def by_square_root(x: Tensor, y: Tensor) -> float:
    moments = [(s.numpy().mean(0), np.cov(s.numpy(), rowvar=False)) for s in (x, y)]
    (mx, sx), (my, sy) = moments
    root: NDArray[np.complex128] = sqrtm(sx @ sy)
    return float(((mx - my) ** 2).sum() + np.trace(sx + sy - 2 * root.real))


def in_sixty_digits(x: Tensor, y: Tensor) -> float:
    """The distance by eigenvalues of the product of covariances."""
    with mpmath.workdps(60):
        sets = [mpmath.matrix(one.tolist()) for one in (x, y)]
        means = [[mpmath.fsum(s[:, c]) / s.rows for c in range(s.cols)] for s in sets]
        covariances = []
        for s, mean in zip(sets, means, strict=True):
            centred = s.copy()
            for r, c in product(range(s.rows), range(s.cols)):
                centred[r, c] -= mean[c]
            covariances.append(centred.T * centred / (s.rows - 1))
        values, _ = mpmath.eig(covariances[0] * covariances[1])
        roots = mpmath.fsum(mpmath.sqrt(abs(value)) for value in values)
        traces = mpmath.fsum(c[i, i] for c in covariances for i in range(c.rows))
        gap = mpmath.fsum((a - b) ** 2 for a, b in zip(*means, strict=True))
        return float(gap + traces - 2 * roots)


@pytest.mark.parametrize(("n1", "n2", "d"), [(4, 5, 9), (9, 4, 6), (20, 15, 5)])
def test_agrees_with_a_high_precision_reference(n1: int, n2: int, d: int) -> None:
    x, y = ssl_like(n1, d), 0.3 + 1.7 * ssl_like(n2, d, seed=1)
    trace = sum(float(one.var(0).sum()) for one in (x, y))
    expected = in_sixty_digits(x, y)
    assert abs(frechet_distance(x, y).item() - expected) < 1e-12 * trace
    a, b = (factor_from_moments(s.mean(0), s.T.cov(), len(s)) for s in (x, y))
    assert abs(sum(map(float, frechet_terms(a, b))) - expected) < 1e-12 * trace


@pytest.mark.parametrize(("n", "d"), [(20, 60), (200, 30)])
def test_moments_stand_for_their_set(n: int, d: int) -> None:
    x, y = ssl_like(n, d), 0.1 + ssl_like(n + 7, d, seed=1)
    moments = [factor_from_moments(s.mean(0), s.T.cov(), len(s)) for s in (x, y)]
    assert [len(one.root) for one in moments] == [min(n - 1, d), min(n + 6, d)]
    distance = sum(map(float, frechet_terms(*moments)))
    assert distance == pytest.approx(frechet_distance(x, y).item(), rel=1e-11)
    # Eigenvalues that are rounding would add up, were the count not known.
    shifted = factor_from_moments(x.mean(0) + 1, x.T.cov(), n)
    assert sum(map(float, frechet_terms(moments[0], shifted))) == pytest.approx(
        d, rel=1e-12
    )


@pytest.mark.parametrize(
    ("mean", "covariance", "count", "message"),
    [
        (torch.zeros(3), torch.eye(2), 5, "are not of one set"),
        (torch.zeros(2), torch.eye(2), 1, "needs two embeddings"),
        (torch.zeros(2), torch.eye(2) * torch.nan, 5, "moments hold NaN"),
    ],
)
def test_moments_of_nothing_are_refused(
    mean: Tensor, covariance: Tensor, count: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        factor_from_moments(mean, covariance, count)


def test_constant_sets_are_as_far_apart_as_their_means() -> None:
    x, y = torch.zeros(5, 3), torch.full((4, 3), 2.0)
    assert frechet_distance(x, x).item() == 0
    assert frechet_distance(x, y).item() == 12


def test_threads_change_nothing() -> None:
    x, y = ssl_like(90, 120), ssl_like(80, 120, seed=1)
    factors = factor(x), factor(y)
    pairs = list(product(factors, factors))
    alone = frechet_term_pairs(pairs)
    torch.set_num_threads(2)
    try:
        shared = frechet_term_pairs(pairs)
    finally:
        torch.set_num_threads(1)
    torch.testing.assert_close(shared, alone, rtol=1e-12, atol=1e-12)


def test_one_dimension_is_means_and_deviations() -> None:
    x = torch.tensor([[1.0], [3.0]])  # mean 2, deviation √2
    y = torch.tensor([[0.0], [10.0]])  # mean 5, deviation 5√2
    assert frechet_distance(x, y).item() == pytest.approx(9 + (4 * 2**0.5) ** 2)


def test_commuting_covariances_add_over_the_axes() -> None:
    x = sample_with([0, 0, 1], [1, 2, 3])
    y = sample_with([4, 0, 1], [5, 2, 0.5])
    np.testing.assert_allclose(np.cov(x.numpy(), rowvar=False), np.diag([1, 4, 9]))
    mean, spread = frechet_terms(factor(x), factor(y))
    assert mean.item() == pytest.approx(16)
    assert spread.item() == pytest.approx(4**2 + 0 + 2.5**2)


def test_disjoint_supports_share_no_root() -> None:
    x, y = sample_with([0, 0], [3, 0]), sample_with([0, 0], [0, 4])
    assert frechet_distance(x, y).item() == pytest.approx(9 + 16)


@pytest.mark.parametrize(("n", "d"), [(200, 8), (1000, 50), (30, 30)])
def test_agrees_with_torchaudio_and_with_a_matrix_root(n: int, d: int) -> None:
    x, y = normal(n, d), 1 + 2 * normal(n + 11, d, seed=1) @ normal(d, d, seed=2)
    ours = frechet_distance(x, y).item()
    theirs = torchaudio_distance(x.mean(0), x.T.cov(), y.mean(0), y.T.cov())
    assert ours == pytest.approx(theirs.item(), rel=1e-9)
    assert ours == pytest.approx(by_square_root(x, y), rel=1e-9)


@pytest.mark.parametrize(("n1", "n2", "d"), [(40, 60, 100), (40, 300, 100)])
def test_fewer_clips_than_features(n1: int, n2: int, d: int) -> None:
    x, y = ssl_like(n1, d), 0.1 + ssl_like(n2, d, seed=1)
    # roots of eigenvalues near 1e-16 leave 1e-8 in a root of the (d, d) product
    assert frechet_distance(x, y).item() == pytest.approx(
        by_square_root(x, y), rel=1e-5
    )


@pytest.mark.parametrize(("n", "d"), [(20, 100), (100, 20)])
def test_a_shift_of_the_mean_costs_its_square(n: int, d: int) -> None:
    x, shift = ssl_like(n, d), ssl_like(1, d, seed=1)
    expected = shift.square().sum().item()
    assert frechet_distance(x, x + shift).item() == pytest.approx(expected, rel=1e-12)


def test_a_larger_scale_costs_the_difference_squared() -> None:
    x = ssl_like(50, 80)
    trace = np.trace(np.cov(x.numpy(), rowvar=False))
    scaled = 1.5 * (x - x.mean(0)) + x.mean(0)
    assert frechet_distance(x, scaled).item() == pytest.approx(0.25 * trace, rel=1e-12)


@pytest.mark.parametrize(("n", "d"), [(150, 768), (2000, 64), (2, 10)])
def test_identical_sets_are_at_distance_zero(n: int, d: int) -> None:
    x = normal(n, d)
    distance = frechet_distance(x, x.flip(0)).item()
    assert 0 <= distance < 1e-8


def test_outlier_dimensions_do_no_harm() -> None:
    x, y = ssl_like(200, 64), ssl_like(150, 64, seed=1)
    far = torch.zeros(64, dtype=torch.float64)
    far[7] = 1e5
    expected = frechet_distance(x, y).item()
    assert frechet_distance(x + far, y + far).item() == pytest.approx(expected)


def test_repeated_features_leave_covariances_singular() -> None:
    x, y = normal(300, 5), 2 * normal(200, 5, seed=1) + 1
    doubled = frechet_distance(torch.cat((x, x), 1), torch.cat((y, y), 1)).item()
    assert doubled == pytest.approx(2 * frechet_distance(x, y).item(), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_low_precision_is_converted_first(dtype: torch.dtype) -> None:
    x, y = normal(30, 60).to(dtype), normal(40, 60, seed=1).to(dtype)
    distance = frechet_distance(x, y)
    assert distance.dtype == torch.float64
    assert distance.item() == frechet_distance(x.double(), y.double()).item()


def test_the_factor_holds_the_moments() -> None:
    for n in (12, 90):
        x = normal(n, 40)
        reduced = factor(x)
        assert reduced.root.shape == (min(n, 40), 40)
        assert reduced.count == n
        covariance = (reduced.root.T @ reduced.root).numpy()
        np.testing.assert_allclose(covariance, np.cov(x.numpy().T), atol=1e-12)
        assert reduced.trace.item() == pytest.approx(np.trace(covariance))


def test_pairs_have_the_terms_of_each() -> None:
    xs = [ssl_like(n, 30, seed=n) for n in (8, 20, 50)]
    ys = [1 + ssl_like(n, 30, seed=n) for n in (9, 70)]
    expected = [frechet_distance(x, y).item() for x, y in product(xs, ys)]
    mean, spread = frechet_term_pairs(list(product(map(factor, xs), map(factor, ys))))
    assert (mean + spread).tolist() == expected
    same = list(product(map(factor, xs), map(factor, xs)))
    within = torch.stack(frechet_term_pairs(same)).sum(0).view(3, 3)
    torch.testing.assert_close(within, within.T)
    assert within.diagonal().max() < 1e-8


def test_mean_trace_is_the_mean_of_the_variances() -> None:
    sets = [ssl_like(40, 6), 3 * ssl_like(25, 6, seed=1)]
    expected = np.mean([x.numpy().var(0, ddof=1).sum() for x in sets])
    assert mean_trace(sets) == pytest.approx(expected, rel=1e-12)


def test_gradients_are_neither_kept_nor_switched_off() -> None:
    x = normal(5, 3).requires_grad_()
    assert not frechet_distance(x, x).requires_grad
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(1, 3), "needs two embeddings at least and this set has 1"),
        (torch.zeros(0, 3), "this set has 0"),
        (torch.zeros(3), r"has shape \(n, d\), not \(3,\)"),
        (torch.zeros(2, 3, 4), r"not \(2, 3, 4\)"),
        (torch.tensor([[0.0, 0, 0], [0, torch.nan, 0]]), "Embedding 1 of 2 holds NaN"),
        (torch.tensor([[torch.inf, 0, 0], [0, 0, 0]]), "Embedding 0 of 2 holds NaN"),
        (torch.zeros(4, 2), "have 2 and 3 features"),
    ],
)
def test_what_has_no_distance_is_refused(x: Tensor, message: str) -> None:
    y = normal(4, 3)
    with pytest.raises(ValueError, match=message):
        frechet_distance(x, y)
    with pytest.raises(ValueError, match=message):
        frechet_term_pairs([(factor(x), factor(y))])
