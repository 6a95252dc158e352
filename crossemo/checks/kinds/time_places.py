"""Frame k is of the k-th stretch of a clip."""

from collections.abc import Iterator

import torch

from crossemo.checks.line import Line
from crossemo.checks.subject import Subject, chance

FRAMES, PARTS = 30, 4
_MOST = 0.7  # frames
_NAME = "frames lie where the clip changed"


def check(subject: Subject) -> Iterator[Line]:
    """Change a short stretch of noise and see which frames of state 0 tell.

    A frame of wav2vec 2.0 lies an eighth of a frame behind the middle of its stretch,
    one that a spectrogram's padding centres half a frame before it.
    """
    clip = subject.noise(FRAMES)
    width = max(round(subject.hop / PARTS), 1)
    before = subject.hear([clip])[0][0]
    frames = len(before)
    stretch = subject.hop
    first = (len(clip) - frames * stretch) / 2  # what the frames leave on either side
    energy: dict[int, float] = {}
    for frame in range(frames // 2 - 3, frames // 2 + 3):
        for part in range(PARTS):
            begin = round(first + (frame + part / PARTS) * stretch)
            changed = clip.clone()
            with chance(frame):
                fresh = torch.randn(width) * clip.std()
            changed[begin : begin + width] = fresh
            told = (subject.hear([changed])[0][0] - before).square().sum(1)
            middle = part + 0.5 - PARTS / 2  # quarters from the middle of the stretch
            for other, value in enumerate(told.tolist()):
                lag = round(2 * (PARTS * (other - frame) - middle))
                energy[lag] = energy.get(lag, 0.0) + value
    total = sum(energy.values())
    if not total > 0:
        why = "A change of the clip changes no frame of state 0."
        yield Line(_NAME, "nothing changes", "-", "fault", why)
        return
    peak = max(energy, key=lambda lag: energy[lag])
    near = sum(v for lag, v in energy.items() if abs(lag - peak) <= 2 * PARTS)
    if near < total / 3:
        why = "Every frame hears much of the clip, so none has a place in it."
        yield Line(
            _NAME, f"{near / total:.0%} near the peak", "33%", "not checked", why
        )
        return
    late = peak / (2 * PARTS)
    fine = abs(late) <= _MOST
    yield Line(
        _NAME,
        f"{late:+.2f} frames",
        f"±{_MOST} frames",
        "sound" if fine else "fault",
        ""
        if fine
        else "Frames are shifted against the clip: look for a roll, a pad "
        "on one side, or frames that were cut off.",
    )
