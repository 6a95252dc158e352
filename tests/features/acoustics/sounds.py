"""Sounds whose features are known."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

RATE = 16_000  # Hz


def tone(frequency: float, seconds: float, rate: int = RATE) -> Tensor:
    """A sine of amplitude 0.5."""
    return sweep([frequency, frequency], seconds, rate)


def sweep(frequencies: Sequence[float], seconds: float, rate: int = RATE) -> Tensor:
    """A sine of amplitude 0.5 that glides evenly in semitones between frequencies."""
    time = np.linspace(0, len(frequencies) - 1, round(seconds * rate), endpoint=False)
    course = np.exp(np.interp(time, range(len(frequencies)), np.log(frequencies)))
    phase = 2 * np.pi * np.cumsum(course) / rate
    return torch.from_numpy(0.5 * np.sin(phase)).float()


def silence(seconds: float) -> Tensor:
    return torch.zeros(round(seconds * RATE))


def noise(seconds: float, seed: int = 0) -> Tensor:
    """White noise of variance 0.01."""
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(round(seconds * RATE), generator=generator)


def click(seconds: float) -> Tensor:
    """One sample at full scale in the midst of silence."""
    samples = silence(seconds)
    samples[len(samples) // 2] = 1.0
    return samples
