from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from crossemo.distances.frechet import frechet_distance
from crossemo.distances.kernel import kernel_distance
from crossemo.distances.moments import Moments
from crossemo.distances.streaming import FrechetDistance, KernelDistance
from tests.distances.gloo import measure_in_a_group
from tests.distances.normals import normal, ssl_like

cuts = st.lists(st.integers(0, 40), max_size=5).map(sorted)


@settings(max_examples=40)
@given(cuts)
def test_any_cut_into_batches_gives_the_same(cut: list[int]) -> None:
    x = 1000 + ssl_like(40, 6)
    moments = Moments(6)
    for batch in x.tensor_split(cut):
        moments.update(batch)
    mean, covariance, count = moments.compute()
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-14)
    np.testing.assert_allclose(covariance, np.cov(x.numpy().T), atol=1e-12)
    assert count == 40


def test_an_outlier_feature_costs_no_digits() -> None:
    x = ssl_like(1000, 8)
    x[:, 3] += 1e5
    moments = Moments(8)
    for batch in torch.split(x, 16):
        moments.update(batch)
    expected = np.cov((x - x.mean(0)).numpy().T)
    error = np.abs(moments.compute()[1].numpy() - expected).max()
    assert error < 1e-12 * np.trace(expected)


def test_merged_states_are_the_sum() -> None:
    x = ssl_like(30, 4)
    first, second = Moments(4), Moments(4)
    first.update(x[:11])
    second.update(x[11:])
    first.merge_state(second)
    np.testing.assert_allclose(first.compute()[1], np.cov(x.numpy().T), atol=1e-14)
    # And what a batch has alone, as torchmetrics' forward gives it.
    whole = Moments(4)
    whole(x[:11])
    _, covariance, count = whole(x[11:])
    assert count == 19
    np.testing.assert_allclose(covariance, np.cov(x[11:].numpy().T), atol=1e-14)
    np.testing.assert_allclose(whole.compute()[1], np.cov(x.numpy().T), atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_frechet_distance_is_that_of_all_at_once(dtype: torch.dtype) -> None:
    x, y = ssl_like(50, 20).to(dtype), (0.1 + ssl_like(15, 20, seed=1)).to(dtype)
    distance = FrechetDistance(20)
    for batch in torch.split(x, 7):
        distance.update(batch, "x")
    distance.update(y, "y")
    expected = frechet_distance(x, y).item()
    assert distance.compute().item() == pytest.approx(expected, rel=1e-10)
    distance.reset()
    distance.update(x, "x")
    distance.update(x, "y")
    assert distance.compute().item() == pytest.approx(0, abs=1e-8)


def test_the_kernel_distance_is_that_of_all_at_once() -> None:
    x, y = ssl_like(20, 5), 0.1 + ssl_like(15, 5, seed=1)
    distance = KernelDistance(5)
    for batch in torch.split(x, 7):
        distance.update(batch, "x")
    distance.update(y, "y")
    assert distance.compute().item() == pytest.approx(kernel_distance(x, y).item())


def test_a_parent_in_half_precision_leaves_the_sums_alone() -> None:
    parent = nn.Module()
    parent.distance = FrechetDistance(3)
    parent.half()
    x = 100 + normal(30, 3)
    assert isinstance(parent.distance, FrechetDistance)
    parent.distance.update(x.half(), "x")
    parent.distance.update(x.half(), "y")
    assert parent.distance.compute().item() == pytest.approx(0, abs=1e-8)
    assert parent.distance.x_scatter.dtype == torch.float64


def test_two_processes_give_what_one_does(tmp_path: Path) -> None:
    """One process has no clip of x at all."""
    context = get_context("spawn")
    results = context.Queue()
    workers = [
        context.Process(target=measure_in_a_group, args=(rank, 2, tmp_path, results))
        for rank in (0, 1)
    ]
    for worker in workers:
        worker.start()
    distances = [results.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    x, y = ssl_like(21, 8), 0.2 + ssl_like(17, 8, seed=1)
    expected = (frechet_distance(x, y).item(), kernel_distance(x, y).item())
    assert distances[0] == pytest.approx(expected, rel=1e-10)
    assert distances[0] == distances[1]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="2 features can't be added to those of 3"):
        Moments(3).update(torch.zeros(4, 2))
    with pytest.raises(ValueError, match="Embedding 0 of 1 holds NaN"):
        Moments(1).update(torch.full((1, 1), torch.nan))
    with pytest.raises(ValueError, match="2 features can't be added to those of 3"):
        KernelDistance(3).update(torch.zeros(4, 2), "x")
    lone = Moments(1)
    lone.update(torch.zeros(1, 1))
    with pytest.raises(ValueError, match="two embeddings at least and there were 1"):
        lone.compute()


@pytest.mark.parametrize("kind", [FrechetDistance, KernelDistance])
def test_distances_add_up_too(
    kind: type[FrechetDistance] | type[KernelDistance],
) -> None:
    x, y = ssl_like(20, 5), 0.1 + ssl_like(15, 5, seed=1)
    whole, first, second = kind(5), kind(5), kind(5)
    for metric, rows in (
        (whole, slice(None)),
        (first, slice(0, 8)),
        (second, slice(8, None)),
    ):
        metric(x[rows], "x")  # as update, as one set alone has no distance
        metric.update(y[rows], "y")
    first.merge_state(second)
    expected = whole.compute().item()
    assert first.compute().item() == pytest.approx(expected, rel=1e-10)


def test_states_survive_a_checkpoint() -> None:
    x, y = ssl_like(20, 5), 0.1 + ssl_like(15, 5, seed=1)
    distance, again = FrechetDistance(5), FrechetDistance(5)
    distance.persistent(True)
    distance.update(x, "x")
    distance.update(y, "y")
    again.load_state_dict(distance.state_dict())
    again._update_count = 1
    assert again.compute().item() == pytest.approx(distance.compute().item())
