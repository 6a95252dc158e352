"""Durations of sound and silence in a clip."""

import torch
from torch import Tensor

from crossemo.features.acoustics.base import Feature
from crossemo.features.acoustics.framing import active, hop, powers


def timing(waveform: Tensor, rate: int) -> Tensor:
    """Return the durations of sound and silence as nine values.

    A stretch is a run of active frames, and a pause is the time between two stretches.
    As frames reach beyond their own 10 ms, a stretch begins 8 to 18 ms before its sound
    and ends as much after it.

    Args:
        waveform: `(samples,)`.
        rate: Sampling rate in Hz.

    Returns:
        `(9,)`: duration, leading and trailing silence (s), share of active frames,
        number of pauses, their mean and longest duration (s, 0 without any), stretches
        a second from the first to the last, their mean duration (s).
    """
    duration, step = len(waveform) / rate, hop(rate) / rate
    frames = active(powers(waveform, rate))
    sounding, counts = torch.unique_consecutive(frames, return_counts=True)
    runs = counts * step
    first, last = sounding.nonzero()[[0, -1], 0].tolist()
    lead, span = runs[:first].sum().item(), runs[first : last + 1].sum().item()
    stretches = runs[sounding].tolist()
    pauses = runs[first : last + 1][~sounding[first : last + 1]].tolist()
    return torch.tensor(
        [
            duration,
            lead,
            max(duration - lead - span, 0.0),  # the last frame may be cut short
            frames.float().mean().item(),
            len(pauses),
            sum(pauses) / max(len(pauses), 1),
            max(pauses, default=0.0),
            len(stretches) / span,
            sum(stretches) / len(stretches),
        ]
    )


FEATURE = Feature("timing", timing, 9)
