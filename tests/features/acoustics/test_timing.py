import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossemo.features.acoustics.timing import timing
from tests.features.acoustics.sounds import RATE, noise, silence, tone

EDGE = 0.018  # s that a stretch begins before its sound and ends after it, at most
SECONDS = st.floats(0.1, 1.0)


@given(SECONDS, SECONDS, SECONDS)
def test_a_tone_between_silences_is_found_where_it_is(
    before: float, sound: float, after: float
) -> None:
    clip = torch.cat([silence(before), tone(440, sound), silence(after)])
    durations = timing(clip, RATE).tolist()
    duration = before + sound + after
    assert durations[0] == pytest.approx(duration, abs=1e-3)
    assert durations[1] == pytest.approx(before, abs=EDGE)
    assert durations[2] == pytest.approx(after, abs=EDGE)
    assert durations[3] == pytest.approx(sound / duration, abs=3 * EDGE / duration)
    assert durations[4:7] == [0, 0, 0]
    assert durations[7] == pytest.approx(1 / durations[8])
    assert durations[8] == pytest.approx(sound, abs=2 * EDGE)


def test_three_tones_have_two_pauses() -> None:
    clip = torch.cat(
        [
            *(silence(0.5), tone(440, 0.4), silence(0.2), tone(440, 0.6)),
            *(silence(0.4), tone(440, 0.8), silence(0.1)),
        ]
    )
    durations = timing(clip, RATE).tolist()
    expected = [3.0, 0.5, 0.1, 1.8 / 3.0, 2, 0.3, 0.4, 3 / 2.4, 0.6]
    assert durations == pytest.approx(expected, abs=2 * EDGE)
    assert durations[4] == 2


def test_sound_throughout_is_one_stretch() -> None:
    assert timing(tone(440, 2.0), RATE).tolist() == [2, 0, 0, 1, 0, 0, 0, 0.5, 2]


def test_the_parts_add_up_where_the_last_frame_is_cut_short() -> None:
    duration, lead, trail, _, _, _, _, _, stretch = timing(
        torch.cat([silence(0.3), tone(440, 0.5037), silence(0.2)]), RATE
    ).tolist()
    assert lead + stretch + trail == pytest.approx(duration)


@given(st.floats(-60, 20))
def test_a_gain_changes_no_time(gain: float) -> None:
    clip = noise(1.0) * (torch.arange(RATE) // 2000 % 2)
    assert torch.equal(timing(clip * 10 ** (gain / 20), RATE), timing(clip, RATE))
