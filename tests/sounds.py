"""Waveforms, and what is expected of files without any."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crossemo.audio import AudioError, decode


def sine(
    frequency: float, rate: int, seconds: float = 0.5, level: float = 0.5
) -> NDArray[np.float64]:
    time = np.arange(round(seconds * rate)) / rate
    return level * np.sin(2 * np.pi * frequency * time)


def refused(path: Path, reason: str) -> None:
    with pytest.raises(AudioError, match=reason) as error:
        decode(path, 16_000)
    message = str(error.value)
    assert message.startswith(f"{path} ")
    assert message.endswith(".")
    assert "\n" not in message
