import pytest
import torch
from sklearn.decomposition import PCA

from crossemo.distances.frechet import frechet_distance
from crossemo.distances.variants import frechet_infinity, principal_axes
from tests.distances.normals import normal, ssl_like


def test_extrapolation_takes_most_of_the_bias_away() -> None:
    plain, beyond = [], []
    for seed in range(8):
        x, y = normal(200, 10, 2 * seed), 0.5 + normal(200, 10, 2 * seed + 1)
        plain.append(frechet_distance(x, y) - 10 * 0.5**2)
        beyond.append(frechet_infinity(x, y, seed=seed) - 10 * 0.5**2)
    bias = torch.stack(plain).mean().item()
    assert bias > 0.1
    assert abs(torch.stack(beyond).mean().item()) < bias / 2


def test_extrapolation_from_few_clips_is_refused() -> None:
    with pytest.raises(ValueError, match=r"12 clips of 10 features.* at least 20"):
        frechet_infinity(normal(12, 10), normal(40, 10))
    assert frechet_infinity(normal(20, 10), normal(40, 10)).isfinite()


def test_axes_are_those_of_pca() -> None:
    sets = [ssl_like(40, 12), 0.5 + ssl_like(30, 12, seed=1)]
    axes = principal_axes(sets, 3)
    torch.testing.assert_close(axes.T @ axes, torch.eye(3, dtype=torch.float64))
    expected = PCA(3).fit(torch.cat(sets).numpy()).components_
    overlap = (axes.T @ torch.from_numpy(expected).T).abs()
    torch.testing.assert_close(overlap, torch.eye(3, dtype=torch.float64))
    assert principal_axes([ssl_like(4, 12)], 10).shape == (12, 4)
    with pytest.raises(ValueError, match="0 axes"):
        principal_axes(sets, 0)


def test_a_shift_along_the_axes_is_kept() -> None:
    x = ssl_like(60, 30)
    y = x + 5 * torch.eye(30, dtype=torch.float64)[0]
    axes = principal_axes([x, y], 2)
    assert frechet_distance(x @ axes, y @ axes).item() == pytest.approx(25, rel=0.01)
