import pytest
import torch
from torch import Tensor

from crossemo.similarity.bias import (
    emotion_bias,
    emotion_deviations,
    nearest_emotion,
    same_emotion_gap,
)

EXACT = torch.zeros(5, 4)  # replicates without any noise, once the value is added


def test_without_noise_it_is_the_standard_deviation() -> None:
    same = torch.tensor([1.0, 2.0, 3.0, 6.0])
    estimate = emotion_bias(same, same + EXACT)
    assert estimate.value == pytest.approx(same.std().item())
    assert (estimate.low, estimate.high) == pytest.approx(
        (estimate.value, estimate.value)
    )
    assert emotion_bias(same * 0 + 2, 2 + EXACT).value == 0
    deviations = emotion_deviations(same, same + EXACT)
    assert [one.value for one in deviations] == [-2, -1, 0, 3]
    assert [one.low for one in deviations] == [-2, -1, 0, 3]


def means(truth: Tensor, groups: int, noise: float, seed: int) -> tuple[Tensor, Tensor]:
    """Means over groups, and those without each group."""
    generator = torch.Generator().manual_seed(seed)
    shape = (groups, len(truth))
    values = truth + noise * torch.randn(shape, generator=generator).double()
    total = values.sum(0)
    return total / groups, (total - values) / (groups - 1)


@pytest.mark.parametrize("groups", [4, 12])
def test_noise_alone_is_no_bias(groups: int) -> None:
    truth = torch.full((6,), 3.0, dtype=torch.float64)
    runs = [emotion_bias(*means(truth, groups, 1.0, seed)) for seed in range(200)]
    squares = torch.tensor([run.value**2 for run in runs])
    raw = 1 / groups  # the variance that noise puts between emotions
    assert squares.mean() < 0.6 * raw
    alarms = sum(run.low > 0 for run in runs)
    assert alarms <= 10  # 5 %


def test_bias_is_found_under_noise() -> None:
    truth = torch.tensor([1.0, 1.0, 1.0, 3.0, 3.0, 3.0], dtype=torch.float64)
    runs = [emotion_bias(*means(truth, 12, 1.0, seed)) for seed in range(200)]
    squares = torch.tensor([run.value**2 for run in runs])
    assert squares.mean().item() == pytest.approx(truth.var().item(), rel=0.1)
    hits = sum(run.low <= truth.std() <= run.high for run in runs)
    assert hits >= 180
    assert sum(run.low > 0 for run in runs) >= 190


def test_without_replicates_there_is_no_bias_to_tell() -> None:
    estimate = emotion_bias(torch.tensor([1.0, 2.0]), torch.zeros(0, 2))
    assert estimate.value != estimate.value  # NaN


def test_nearest_is_looked_for_from_both_sides() -> None:
    table = torch.tensor([[0.0, 1.0, 2.0], [5.0, 4.0, 0.5], [5.0, 0.2, 3.0]])
    # Rows find 0, 2 and 1: one of three; columns find 0, 2 and 1 too.
    estimate = nearest_emotion(table)
    assert estimate.value == pytest.approx(1 / 3)
    best = nearest_emotion(1 - torch.eye(6))
    assert best.value == 1
    assert best.p == pytest.approx(1 / 720)


def test_gap_is_other_less_same() -> None:
    table = torch.tensor([[1.0, 4.0], [6.0, 2.0]])
    estimate = same_emotion_gap(table, table + torch.zeros(3, 2, 2))
    assert estimate.value == pytest.approx((4 + 6) / 2 - (1 + 2) / 2)
    assert (estimate.low, estimate.high) == pytest.approx((3.5, 3.5))
    assert estimate.p == pytest.approx(1 / 2)


def test_chance_finds_the_same_emotion_as_often_as_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    runs = [nearest_emotion(torch.rand(6, 6, generator=generator)) for _ in range(300)]
    rate = sum(run.value for run in runs) / 300
    assert rate == pytest.approx(1 / 6, abs=0.03)
    assert sum(run.p <= 0.05 for run in runs) <= 25
