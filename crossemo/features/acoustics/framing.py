"""A waveform cut into frames of 25 ms, and which of them are active."""

import torch
from torch import Tensor
from torch.nn.functional import pad

HOP = 0.010  # s
WINDOW = 0.025  # s
ACTIVE = 30.0  # dB that an active frame lies below the loudest at most


def hop(rate: int) -> int:
    """Return the samples from one frame to the next, at a rate in Hz."""
    return round(HOP * rate)


def window(rate: int) -> int:
    """Return the samples of a frame, at a rate in Hz."""
    return round(WINDOW * rate)


def frames(waveform: Tensor, rate: int, size: int) -> Tensor:
    """Cut a waveform into overlapping frames, one around every 10 ms of it.

    The frames at the ends reach over them, into zeros, so that there are as many frames
    of any size.

    Args:
        waveform: `(samples,)`, one or more.
        rate: Sampling rate in Hz.
        size: Samples per frame.

    Returns:
        `(frames, size)`.
    """
    step = hop(rate)
    count = -(-len(waveform) // step)
    left = (size - step) // 2
    right = (count - 1) * step + size - left - len(waveform)
    return pad(waveform, (left, right)).unfold(0, size, step)


def powers(waveform: Tensor, rate: int) -> Tensor:
    """Return the variance of every frame: its power without any offset.

    Args:
        waveform: `(samples,)`, full scale 1.
        rate: Sampling rate in Hz.

    Returns:
        `(frames,)`.
    """
    return frames(waveform, rate, window(rate)).var(-1, correction=0)


def active(power: Tensor) -> Tensor:
    """Return which frames are within 30 dB of the loudest.

    In digital silence, where all are equally loud, all are active.

    Args:
        power: `(frames,)`.

    Returns:
        `(frames,)` bool.
    """
    return power >= power.max() * 10 ** (-ACTIVE / 10)


def decibels(power: Tensor, floor: float) -> Tensor:
    """Return powers in dB, none below `floor`."""
    return 10 * torch.log10(power).clamp(min=floor / 10)
