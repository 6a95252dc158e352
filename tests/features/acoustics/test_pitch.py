import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from crossemo.features.acoustics.pitch import pitch_contour, pitches
from tests.features.acoustics.sounds import RATE, noise, silence, sweep, tone

MELODY = [0, 2, 4, 5, 7, 4, 0]  # semitones


def sung(melody: list[int], tonic: float) -> Tensor:
    return torch.cat([tone(tonic * 2 ** (note / 12), 0.4) for note in melody])


@given(st.floats(70, 780), st.sampled_from([16_000, 24_000]))
def test_the_pitch_of_a_tone_is_its_frequency(frequency: float, rate: int) -> None:
    pitch = pitches(tone(frequency, 0.3, rate), rate)[3:-3]
    semitones = 12 * torch.log2(pitch / frequency)
    assert semitones.abs().max() < 0.05


def test_the_pitch_of_a_sum_of_harmonics_is_what_they_share() -> None:
    second, third = tone(400, 0.5), tone(600, 0.5)
    pitch = pitches(second + third, RATE)[3:-3]
    torch.testing.assert_close(pitch, torch.full_like(pitch, 200), atol=0.5, rtol=0)


def test_noise_and_silence_have_no_pitch() -> None:
    assert pitches(noise(1.0), RATE).isnan().all()
    assert pitches(silence(1.0), RATE).isnan().all()
    assert pitch_contour(silence(1.0), RATE).tolist() == [0] * 14


@given(st.floats(-24, 24), st.floats(150, 190))
def test_an_even_glide_is_a_straight_line(semitones: float, start: float) -> None:
    """14 equal parts of it rise by a fourteenth each."""
    middle = start * 2
    glide = sweep(
        [middle * 2 ** (-semitones / 24), middle * 2 ** (semitones / 24)], 1.0
    )
    line = semitones * (np.arange(14) - 6.5) / 14
    contour = pitch_contour(torch.cat([silence(0.5), glide, silence(0.3)]), RATE)
    assert contour.numpy() == pytest.approx(line, abs=0.35)


@pytest.mark.parametrize("tonic", [174.61, 349.23])
def test_a_melody_has_the_same_contour_in_every_register(tonic: float) -> None:
    notes = np.repeat(MELODY, 2) - np.median(MELODY)
    contour = pitch_contour(sung(MELODY, tonic), RATE)
    assert contour.numpy() == pytest.approx(notes, abs=0.1)


def test_parts_without_voice_lie_between_their_neighbours() -> None:
    clip = torch.cat([tone(200, 0.6), noise(0.8), tone(400, 0.6)])
    steps = pitch_contour(clip, RATE).diff()
    # An octave, after four parts of fourteen and before five, in six even steps.
    expected = [0] * 3 + [2] * 6 + [0] * 4
    assert steps.tolist() == pytest.approx(expected, abs=0.1)


@given(st.floats(-60, 20))
def test_a_gain_changes_no_pitch(gain: float) -> None:
    clip = torch.cat([sweep([150, 300], 0.5), noise(0.2), tone(250, 0.3)])
    contour = pitch_contour(clip * 10 ** (gain / 20), RATE)
    torch.testing.assert_close(contour, pitch_contour(clip, RATE), atol=1e-3, rtol=0)


def test_what_lies_thirty_decibels_below_the_rest_is_not_heard() -> None:
    clip = torch.cat([tone(200, 1.0), 0.01 * tone(400, 1.0)])
    assert pitch_contour(clip, RATE).abs().max() < 0.1
    assert math.isclose(pitches(clip, RATE)[-10], 400, rel_tol=1e-2)
