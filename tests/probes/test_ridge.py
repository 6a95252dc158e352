import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor

from crossemo.probes.eigenbasis import eigenbasis
from crossemo.probes.ridge import predict_left_out, solve_ridge

PENALTIES = torch.tensor([1e-4, 1e-2, 1.0]).double()
GROUPS = torch.arange(60) % 7


def made(width: int) -> tuple[Tensor, Tensor]:
    """Standardised clips, and two values of each."""
    generator = torch.Generator().manual_seed(width)
    clips = torch.randn(60, width, generator=generator).double()
    clips = (clips - clips.mean(0)) / clips.std(0, correction=0)
    noise = torch.randn(60, 2, generator=generator).double()
    return clips, 3 + clips[:, :1] * torch.tensor([1.0, -2.0]) + noise


@pytest.mark.parametrize("width", [1, 12, 90])
def test_all_penalties_at_once_are_scikit_learns_one_by_one(width: int) -> None:
    clips, targets = made(width)
    axes, moments = eigenbasis(clips)
    weights = solve_ridge(clips @ axes, moments, targets, PENALTIES[:, None])
    for weight, penalty in zip(weights @ axes.T, PENALTIES.tolist(), strict=True):
        theirs = Ridge(alpha=60 * penalty, solver="svd").fit(clips, targets)
        np.testing.assert_allclose(weight, theirs.coef_, atol=1e-9)
        np.testing.assert_allclose(targets.mean(0), theirs.intercept_)


@pytest.mark.parametrize("width", [1, 12, 90])
def test_groups_are_left_out_as_by_a_fit_without_them(width: int) -> None:
    clips, targets = made(width)
    axes, moments = eigenbasis(clips)
    predictions = predict_left_out(clips @ axes, moments, targets, PENALTIES, GROUPS)
    assert predictions.shape == (3, 60, 2)
    for penalty, ours in zip(PENALTIES.tolist(), predictions, strict=True):
        for group in range(7):
            out = torch.eq(GROUPS, group)
            # With the whole's strength: n of all clips times the penalty.
            theirs = Ridge(alpha=60 * penalty, solver="svd")
            theirs.fit(clips[~out], targets[~out])
            np.testing.assert_allclose(ours[out], theirs.predict(clips[out]), atol=1e-8)
