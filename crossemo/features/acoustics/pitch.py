"""Pitch by YIN, and its contour without the speaker's register."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from crossemo.features.acoustics.base import Feature
from crossemo.features.acoustics.framing import active, frames, powers, window

POINTS = 14
LOWEST, HIGHEST = 65.0, 800.0  # Hz
THRESHOLD = 0.1  # aperiodicity of a voiced frame, at most


def pitch_contour(waveform: Tensor, rate: int) -> Tensor:
    """Return the contour of the pitch, less its median.

    The clip from its first to its last voiced frame is cut into 14 equal parts. A point
    is the median pitch of a part, or between those of its neighbours where the part has
    no voiced frame. The contour holds the melody without the speaker's register.

    Args:
        waveform: `(samples,)`.
        rate: Sampling rate in Hz.

    Returns:
        `(14,)` in semitones; zeros if no frame is voiced.
    """
    pitch = pitches(waveform, rate)
    usable = pitch.isfinite() & active(powers(waveform, rate))
    places = usable.nonzero()[:, 0].numpy()
    if not len(places):
        return torch.zeros(POINTS)
    semitones = 12 * np.log2(pitch[usable].numpy())
    part = POINTS * (places - places[0]) // (places[-1] - places[0] + 1)
    parts = np.unique(part)
    medians = [np.median(semitones[part == one]) for one in parts]
    contour = np.interp(np.arange(POINTS), parts, medians)
    return torch.from_numpy(contour - np.median(contour)).float()


def pitches(waveform: Tensor, rate: int) -> Tensor:
    """Return the pitch of every frame, by YIN.

    A frame is compared with what follows it a lag later; the pitch is the first lag at
    which they differ little. Frames without such a lag are unvoiced.

    Reference: de Cheveigné and Kawahara (2002), YIN, a fundamental frequency estimator
    for speech and music, JASA 111(4), steps 1 to 5.

    Args:
        waveform: `(samples,)`.
        rate: Sampling rate in Hz.

    Returns:
        `(frames,)` in Hz, about 65 to 800; NaN where unvoiced.
    """
    difference = _difference(waveform, rate)
    lags = torch.arange(1, difference.shape[1])
    sums = difference[:, 1:].cumsum(-1).clamp(min=torch.finfo(torch.float32).tiny)
    normal = difference[:, 1:] * lags / sums
    before, here, after = normal[:, :-2], normal[:, 1:-1], normal[:, 2:]
    dips = (here < before) & (here <= after) & (here < THRESHOLD)
    dips &= lags[1:-1] > rate / HIGHEST
    voiced, place = dips.max(-1)
    return torch.where(voiced, rate / _minimum(difference, place + 2), math.nan)


def _difference(waveform: Tensor, rate: int) -> Tensor:
    """Return the squared differences at lags 0, 1, …, `(frames, lags)`."""
    size, longest = window(rate), math.ceil(rate / LOWEST)
    segments = frames(waveform, rate, size + longest)
    length = 2 ** math.ceil(math.log2(size + longest))
    products: Tensor = torch.fft.irfft(
        torch.fft.rfft(segments[:, :size], length).conj()
        * torch.fft.rfft(segments, length)
    )[:, : longest + 1]
    sums = pad(segments.square().cumsum(-1), (1, 0))
    energies = sums[:, size:] - sums[:, :-size]
    return (energies[:, :1] + energies - 2 * products).clamp(min=0)


def _minimum(difference: Tensor, lag: Tensor) -> Tensor:
    """Return where the parabola through a lag and its neighbours is lowest."""
    before, here, after = (
        difference.gather(1, lag[:, None] + step)[:, 0] for step in (-1, 0, 1)
    )
    bend = before - 2 * here + after
    return lag + torch.where(bend > 0, (before - after) / (2 * bend), 0)


FEATURE = Feature("pitch", pitch_contour, 14)
