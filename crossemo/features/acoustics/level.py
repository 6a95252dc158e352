"""The level of a clip."""

import torch
from torch import Tensor

from crossemo.features.acoustics.base import Feature
from crossemo.features.acoustics.framing import active, decibels, powers

FLOOR = -120.0  # dBFS, below the noise of 16 bits


def level(waveform: Tensor, rate: int) -> Tensor:
    """Return the level of a clip as three values.

    Args:
        waveform: `(samples,)`, full scale 1.
        rate: Sampling rate in Hz.

    Returns:
        `(3,)`: mean and standard deviation of the active frames' level in dBFS (a
        square wave at full scale has 0), and the peak in dBFS.
    """
    power = powers(waveform, rate)
    deviation, mean = torch.std_mean(
        decibels(power[active(power)], FLOOR), correction=0
    )
    peak = decibels(waveform.abs().max().square(), FLOOR)
    return torch.stack([mean, deviation, peak])


FEATURE = Feature("level", level, 3)
