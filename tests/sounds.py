"""Waveforms, and what is expected of files without any."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from crossemo.audio import AudioError, decode


def sine(
    frequency: float, rate: int, seconds: float = 0.5, level: float = 0.5
) -> NDArray[np.float64]:
    time = np.arange(round(seconds * rate)) / rate
    return level * np.sin(2 * np.pi * frequency * time)


def encoded(
    form: str, subtype: str | None = None, rate: int = 16_000, **options: Any
) -> bytes:
    """Return a file of 16,000 samples of noise."""
    file = BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000)
    soundfile.write(file, noise, rate, subtype, format=form, **options)
    return file.getvalue()


def seconds_of(content: bytes, folder: Path) -> float:
    """Return how long a file is once it is decoded."""
    path = folder / "clip"
    path.write_bytes(content)
    return len(decode(path, 16_000)) / 16_000


def refused(path: Path, reason: str, content: bytes | None = None) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=reason) as error:
        decode(path, 16_000)
    message = str(error.value)
    assert message.startswith(f"{path} ")
    assert message.endswith(".")
    assert "\n" not in message
