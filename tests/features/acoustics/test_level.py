import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossemo.features.acoustics.level import level
from tests.features.acoustics.sounds import RATE, noise, silence, tone

SINE = 20 * math.log10(0.5) - 10 * math.log10(2)  # dBFS of a sine of amplitude 0.5


def test_a_tone_has_the_level_of_its_mean_square_and_of_its_peak() -> None:
    mean, spread, peak = level(tone(400, 4.0), RATE).tolist()
    assert mean == pytest.approx(SINE, abs=0.01)
    assert spread < 0.15  # the frames at its ends hold zeros too
    assert peak == pytest.approx(20 * math.log10(0.5), abs=0.01)


def test_silence_around_a_tone_counts_for_nothing() -> None:
    clip = torch.cat([silence(3), tone(400, 4.0), silence(2)])
    assert level(clip, RATE)[0].item() == pytest.approx(SINE, abs=0.15)


def test_a_tone_that_is_20_db_softer_in_its_second_half_spreads_by_10() -> None:
    clip = torch.cat([tone(400, 4.0), 0.1 * tone(400, 4.0)])
    mean, spread, _ = level(clip, RATE).tolist()
    assert mean == pytest.approx(SINE - 10, abs=0.1)
    assert spread == pytest.approx(10, abs=0.1)


def test_digital_silence_lies_at_the_floor() -> None:
    assert level(silence(1), RATE).tolist() == [-120, 0, -120]


@given(st.floats(-60, 20))
def test_a_gain_moves_the_level_and_not_its_spread(gain: float) -> None:
    clip = noise(0.5) * torch.linspace(0.1, 1, 8000)
    change = level(clip * 10 ** (gain / 20), RATE) - level(clip, RATE)
    torch.testing.assert_close(
        change, torch.tensor([gain, 0.0, gain]), atol=1e-3, rtol=0
    )
