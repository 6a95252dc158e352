import math

import pytest
import torch

from crossemo.features.acoustics.framing import active, decibels, frames, powers
from tests.features.acoustics.sounds import RATE, tone

COUNT_TO_25 = torch.arange(1.0, 26.0)  # at 1000 Hz a frame for every 10 of them


def test_frames_of_ten_milliseconds_tile_the_clip() -> None:
    cut = frames(COUNT_TO_25, 1000, 10)
    assert cut[0].tolist() == [*range(1, 11)]
    assert cut[1].tolist() == [*range(11, 21)]
    assert cut[2].tolist() == [21, 22, 23, 24, 25, 0, 0, 0, 0, 0]


def test_longer_frames_reach_as_far_to_either_side() -> None:
    cut = frames(COUNT_TO_25, 1000, 14)
    assert cut[0].tolist() == [0, 0, *range(1, 13)]
    assert cut[1].tolist() == [*range(9, 23)]
    assert len(cut) == 3


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 400, 16_000])
@pytest.mark.parametrize("size", [160, 400, 647])
def test_there_is_a_frame_for_every_ten_milliseconds_begun(
    samples: int, size: int
) -> None:
    cut = frames(torch.ones(samples), RATE, size)
    assert cut.shape == (math.ceil(samples / 160), size)


def test_the_power_of_a_tone_is_half_its_amplitude_squared_whatever_its_offset() -> (
    None
):
    inner = powers(tone(400, 1.0) + 0.3, RATE)[1:-1]
    torch.testing.assert_close(inner, torch.full_like(inner, 0.125))


def test_a_frame_is_active_within_thirty_decibels_of_the_loudest() -> None:
    power = torch.tensor([2.0, 0.0021, 0.0019, 0.0])
    assert active(power).tolist() == [True, True, False, False]


def test_decibels_are_ten_times_the_common_logarithm_above_a_floor() -> None:
    levels = decibels(torch.tensor([100.0, 1.0, 1e-6, 0.0]), -50)
    assert levels.tolist() == [20, 0, -50, -50]
