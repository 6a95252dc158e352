"""The spectrum of a clip on the mel scale."""

from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from crossemo.features.acoustics.base import Feature
from crossemo.features.acoustics.framing import decibels, hop, window

if TYPE_CHECKING:
    from torchaudio.transforms import MelSpectrogram

BANDS = 64
FLOOR = -100.0  # dBFS in a band; digital silence would have none


def log_mel(waveform: Tensor, rate: int) -> Tensor:
    """Return mean and standard deviation over frames of the level in 64 mel bands.

    Frames are 25 ms long and 10 ms apart, and bands reach up to half the rate. The
    level of a band in a frame is the mean square of its part of the signal, and
    -100 dBFS at least.

    Args:
        waveform: `(samples,)`, full scale 1.
        rate: Sampling rate in Hz.

    Returns:
        `(128,)` in dBFS: 64 means from low to high, then 64 standard deviations.
    """
    spectrogram = _spectrogram(rate)
    power = spectrogram(waveform) * 2 / spectrogram.n_fft  # one of two sides is there
    deviation, mean = torch.std_mean(decibels(power, FLOOR), -1, correction=0)
    return torch.cat([mean, deviation])


@cache
def _spectrogram(rate: int) -> "MelSpectrogram":
    from torchaudio.transforms import MelSpectrogram

    size = window(rate)
    return MelSpectrogram(
        rate,
        n_fft=2 * size,  # leaves no band without a bin
        win_length=size,
        hop_length=hop(rate),
        n_mels=BANDS,
        pad_mode="constant",  # reflections need longer clips
        normalized="window",
    )


FEATURE = Feature("log-mel", log_mel, 128, partial(version, "torchaudio"))
