import warnings
from math import isnan

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.metrics import r2_score, root_mean_squared_error
from torchmetrics.functional.regression import concordance_corrcoef

from crossemo.metrics.regression import concordance, value_scores


def lin(x: np.ndarray, y: np.ndarray) -> float:
    """The CCC from NumPy's covariance matrix."""
    covariance = np.cov(x, y)
    shift = (x.mean() - y.mean()) ** 2
    return float(2 * covariance[0, 1] / (np.trace(covariance) + shift))


def clips(n: int, outputs: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    targets = torch.rand(n, outputs, generator=generator, dtype=torch.float64) * 2 - 1
    noise = torch.randn(n, outputs, generator=generator, dtype=torch.float64)
    return 0.6 * targets + 0.2 * noise + 0.1, targets


def test_the_concordance_has_its_closed_form() -> None:
    line = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)  # variance 5/3
    # b·x + a: 2 b s² / (s² (1 + b²) + (b x̄ + a - x̄)²)
    for b, a in ((1, 0), (1, 2), (-1, 5), (2, -2.5), (0.5, 0)):
        shift = (b * 2.5 + a - 2.5) ** 2
        expected = 2 * b * 5 / 3 / (5 / 3 * (1 + b * b) + shift)
        assert float(concordance(b * line + a, line)) == pytest.approx(expected)
    assert float(concordance(line, line)) == pytest.approx(1)
    assert float(concordance(5 - line, line)) == pytest.approx(-1)


def test_it_reduces_over_clips_whatever_comes_before() -> None:
    predictions, targets = clips(30, 2, 0)
    layers = torch.stack([predictions.T, targets.T, 0 * predictions.T])  # (3, 2, 30)
    scores = concordance(layers, targets.T)
    assert scores.shape == (3, 2)
    assert torch.allclose(scores[0], concordance_corrcoef(predictions, targets))
    expected = [
        lin(p.numpy(), t.numpy()) for p, t in zip(layers[0], targets.T, strict=True)
    ]
    assert scores[0].tolist() == pytest.approx(expected)
    assert scores[1].tolist() == pytest.approx([1, 1])
    assert scores[2].tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.3, 1e-3, 7.7])
def test_equal_values_agree_with_nothing(dtype: torch.dtype, value: float) -> None:
    equal = torch.full((11,), value, dtype=dtype, requires_grad=True)
    for targets in (torch.full((11,), value, dtype=dtype), torch.arange(11).to(dtype)):
        score = concordance(equal, targets)
        assert abs(score.detach()) < 1e-6
        (gradient,) = torch.autograd.grad(score, equal)
        assert gradient.isfinite().all()
    assert concordance(equal[:1], equal[:1]).detach() == 0


def test_its_gradient_is_right() -> None:
    predictions, targets = clips(9, 2, 1)
    predictions.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: concordance(p.T, targets.T), predictions)


def test_scores_agree_with_numpy_scipy_and_scikit_learn() -> None:
    predictions, targets = clips(50, 2, 2)
    scores = value_scores(predictions, targets, ("valence", "arousal"))
    expected = {}
    for place, name in enumerate(("valence", "arousal")):
        x, y = predictions[:, place].numpy(), targets[:, place].numpy()
        expected[f"CCC/{name}"] = lin(x, y)
        expected[f"RMSE/{name}"] = root_mean_squared_error(y, x)
        expected[f"Pearson/{name}"] = pearsonr(x, y).statistic
        expected[f"R2/{name}"] = r2_score(y, x)
    both = expected["CCC/valence"], expected["CCC/arousal"]
    assert scores == pytest.approx(expected | {"CCC": sum(both) / 2})


@pytest.mark.parametrize("n", [1, 12])
def test_a_constant_and_a_single_clip_have_a_ccc_of_0(n: int) -> None:
    targets = clips(n, 2, 4)[1]
    with warnings.catch_warnings(action="error"):
        scores = value_scores(torch.full_like(targets, 0.3), targets, ("a", "b"))
    assert scores["CCC"] == scores["CCC/a"] == 0
    error = float((targets[:, 0] - 0.3).square().mean().sqrt())
    assert scores["RMSE/a"] == pytest.approx(error)
    assert isnan(scores["Pearson/a"])
    assert isnan(scores["R2/a"]) == (n == 1)
    with pytest.raises(ValueError, match="no clip to score"):
        value_scores(targets[:0], targets[:0], ("a", "b"))
