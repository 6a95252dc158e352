import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crossemo.features.acoustics.spectrum import log_mel
from tests.features.acoustics.sounds import RATE, noise, silence, tone


def band_edges() -> NDArray[np.float64]:
    """The 66 corners of 64 triangles, O'Shaughnessy's mel scale, in Hz."""
    mels = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 66)
    return np.asarray(700 * (10 ** (mels / 2595) - 1))


def weights(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of a frequency each band takes, `(frequencies, 64)`."""
    low, centre, high = band_edges()[:-2], band_edges()[1:-1], band_edges()[2:]
    rising = (frequency[:, None] - low) / (centre - low)
    falling = (high - frequency[:, None]) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling))


def test_a_click_is_as_strong_at_every_frequency() -> None:
    """One sample under the top of a Hann window of 400, whose squares sum to 150."""
    bins = np.linspace(0, 8000, 401)
    expected = 10 * np.log10(weights(bins).sum(0) * 2 / 800 / 150)
    levels = log_mel(torch.ones(1), RATE).numpy()
    assert levels[:64] == pytest.approx(expected, abs=0.01)
    assert levels[64:] == pytest.approx(0)


def test_a_tone_is_as_strong_in_its_band_as_its_mean_square() -> None:
    band = 40
    frequency = band_edges()[band + 1]
    means = log_mel(tone(frequency, 2.0), RATE)[:64]
    assert means.argmax() == band
    # The window smears a little of it past the tip of the triangle.
    assert means[band].item() == pytest.approx(10 * np.log10(0.125), abs=1.0)


def test_noise_is_in_every_band_as_its_share_of_the_spectrum() -> None:
    """The mean of logarithms lies below that of the powers, by 2.51 dB in one bin."""
    edges = band_edges()
    shares = (edges[2:] - edges[:-2]) / 2 / 8000
    below = 10 * np.log10(0.01 * shares) - log_mel(noise(20), RATE)[:64].numpy()
    assert below[1:].min() > 0
    assert below[1:].max() < 2.7
    assert below[-10:].max() < 0.7


def test_digital_silence_lies_at_the_floor() -> None:
    assert log_mel(silence(1), RATE).tolist() == [-100] * 64 + [0] * 64


@given(st.floats(-20, 20))
def test_a_gain_moves_all_means_and_no_spread(gain: float) -> None:
    change = log_mel(noise(0.5) * 10 ** (gain / 20), RATE) - log_mel(noise(0.5), RATE)
    assert change[:64].numpy() == pytest.approx(gain, abs=1e-3)
    assert change[64:].numpy() == pytest.approx(0, abs=1e-3)
