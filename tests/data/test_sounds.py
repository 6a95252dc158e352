import numpy as np
import pytest

from crossemo.data.sounds import level, mean_sounds
from crossemo.data.windows import Window


def test_a_sine_at_full_scale_lies_3_db_below_it() -> None:
    sine = np.sin(np.arange(16_000, dtype=np.float32) * np.float32(2 * np.pi / 100))
    assert level(sine) == pytest.approx(-3.0103, abs=1e-3)
    assert level(sine / 10) == pytest.approx(-23.0103, abs=1e-3)


def test_a_clip_is_the_mean_of_its_windows() -> None:
    windows = [Window(0, 0, 10), Window(1, 0, 10), Window(1, 10, 16)]
    sounds = mean_sounds(windows, [-10.0, -20.0, -40.0], 2)
    assert sounds.tolist() == [[-10, 10], [-30, 8]]
