import numpy as np
import pytest
import torch
from torch import Tensor

from crossemo.probes.eigenbasis import eigenbasis


def clips(count: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    values = torch.randn(count, width, generator=generator).double()
    return (values - values.mean(0)) * torch.logspace(0, -3, width)


@pytest.mark.parametrize(("count", "width"), [(50, 8), (20, 60), (30, 30), (10, 1)])
def test_axes_are_those_of_the_second_moments(count: int, width: int) -> None:
    values = clips(count, width)
    axes, moments = eigenbasis(values)
    rank = np.linalg.matrix_rank(values.numpy())
    assert axes.shape == (width, rank)
    torch.testing.assert_close(axes.T @ axes, torch.eye(rank).double())
    singular = np.linalg.svd(values.numpy(), compute_uv=False)[:rank]
    np.testing.assert_allclose(moments.flip(0), singular**2 / count, rtol=1e-6)
    along = values @ axes
    torch.testing.assert_close(along.square().mean(0), moments)
    torch.testing.assert_close(along @ axes.T, values)  # nothing is lost


def test_features_twice_over_and_none_at_all_have_no_axis_of_their_own() -> None:
    values = clips(40, 3)
    repeated = torch.cat((values, values, torch.zeros(40, 2)), 1)
    axes, moments = eigenbasis(repeated)
    assert axes.shape == (8, 3)
    torch.testing.assert_close(moments, 2 * eigenbasis(values).moments)
    assert eigenbasis(torch.zeros(40, 2).double()).axes.shape == (2, 0)
