import pytest
import torch

from crossemo.similarity.bias import deviations, nearest_emotion, same_emotion_gap


def test_deviations_are_from_the_mean_of_all() -> None:
    same = torch.tensor([[1.0, 2.0, 3.0, 6.0], [2.0, 2.0, 2.0, 2.0]])
    assert deviations(same).tolist() == [[-2, -1, 0, 3], [0, 0, 0, 0]]


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
    estimate = same_emotion_gap(table, 0.5)
    assert estimate.value == pytest.approx((4 + 6) / 2 - (1 + 2) / 2)
    assert (estimate.low, estimate.high) == pytest.approx((3.0, 4.0))
    assert estimate.p == pytest.approx(1 / 2)


def test_chance_finds_the_same_emotion_as_often_as_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    runs = [nearest_emotion(torch.rand(6, 6, generator=generator)) for _ in range(300)]
    rate = sum(run.value for run in runs) / 300
    assert rate == pytest.approx(1 / 6, abs=0.03)
    assert sum(run.p <= 0.05 for run in runs) <= 25
