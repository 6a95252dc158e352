import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from crossemo.stages.optimization import (
    parameter_groups,
    rate_factor,
    warmup_schedule,
)


def test_cosine_passes_through_a_half_in_the_middle() -> None:
    assert rate_factor(60, 100, 0.2, "cosine") == pytest.approx(0.5)
    assert rate_factor(100, 100, 0.2, "cosine") == pytest.approx(0.0)
    assert rate_factor(40, 100, 0.2, "cosine") == pytest.approx(
        0.5 * (1 + math.cos(math.pi * 20 / 80))
    )


@given(
    steps=st.integers(1, 300),
    warmup=st.floats(0, 1),
    schedule=st.sampled_from(["cosine", "linear", "constant"]),
)
def test_rates_rise_then_never_rise_again(
    steps: int, warmup: float, schedule: str
) -> None:
    factors = [
        rate_factor(step, steps, warmup, schedule)  # type: ignore[arg-type]
        for step in range(steps + 1)
    ]
    peak = factors.index(max(factors))
    assert factors[0] > 0
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)


def test_schedule_moves_every_group_from_its_own_rate() -> None:
    weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]
    optimizer = torch.optim.SGD(
        [{"params": [weights[0]], "lr": 1.0}, {"params": [weights[1]], "lr": 0.1}]
    )
    scheduler = warmup_schedule(optimizer, steps=4, warmup=0.5, schedule="linear")
    seen = []
    for _ in range(5):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    expected = [0.5, 1.0, 1.0, 0.5, 0.0]
    assert seen == [pytest.approx([factor, factor / 10]) for factor in expected]


def test_groups_leave_out_frozen_parameters_and_spare_vectors_the_decay() -> None:
    encoder, head = nn.Linear(2, 3), nn.Linear(3, 4)
    encoder.weight.requires_grad_(False)
    groups = parameter_groups(
        {"encoder": [encoder], "head": [head]}, {"encoder": 1e-5, "head": 1e-3}, 0.01
    )
    found = [(g["name"], len(g["params"]), g["lr"], g["weight_decay"]) for g in groups]
    assert found == [
        ("encoder-vectors", 1, 1e-5, 0.0),
        ("head", 1, 1e-3, 0.01),
        ("head-vectors", 1, 1e-3, 0.0),
    ]
