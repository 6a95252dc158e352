"""Frame k is of the k-th stretch of a clip."""

from collections.abc import Iterator
from statistics import median

import torch
from torch import Tensor

from crossemo.checks.line import Line
from crossemo.checks.subject import Subject, chance

FRAMES, PARTS = 30, 4
_MOST, _SPREAD, _LOCAL = 0.7, 2.0, 0.3
_DRAWS, _HEARD = 8, 0.7
_NAME = "frames lie where the clip changed"


def check(subject: Subject) -> Iterator[Line]:
    """Change a short stretch of noise and see which frames of state 0 tell.

    A frame of wav2vec 2.0 lies in the middle of its stretch, one that a padded
    spectrogram centres half a frame beside it. One of a causal encoder lies further
    behind, but still hears the clip to its end, which a shifted one doesn't.
    """
    if subject.about.family.for_distances:
        why = "Distances are of means over frames, wherever these lie."
        yield Line(_NAME, "one embedding", "-", "not checked", why)
        return
    clip = subject.noise(FRAMES)
    clip = clip[: _least(subject, len(clip))]
    before = subject.hidden_states([clip])[0][0]
    hop, frames = subject.hop, len(before)
    first = (len(clip) - frames * hop) / 2  # what the frames leave on either side
    width, rows = max(round(hop / PARTS), 1), range(frames // 4, frames // 2)
    places = [frame + part / PARTS for frame in rows for part in range(PARTS)]
    lags, share = [], 0.0
    for number, place in enumerate(places):
        begin = round(first + place * hop)
        changed = clip.clone()
        with chance(number):
            changed[begin : begin + width] = clip.std() * torch.randn(width)
        change = (subject.hidden_states([changed])[0][0] - before).square().sum(1)
        if not change.sum() > 0:
            why = "A change of the clip changes no frame of state 0."
            yield Line(_NAME, "nothing changes", "a frame", "fault", why)
            return
        centre, near = _centre(change)
        lags.append(centre + 0.5 - (place + width / hop / 2))
        share += near / len(places)
    if share < _LOCAL:
        why = "Every frame hears much of the clip, so none has a place in it."
        figures = f"{share:.0%} near by", f"{_LOCAL:.0%}"
        yield Line(_NAME, *figures, "not checked", why)
        return
    late = median(lags)
    far = median(abs(lag - late) for lag in lags)
    fine = abs(late) <= _MOST or _end_heard(subject, clip, late)
    fine = fine and far <= _SPREAD
    yield Line(
        _NAME,
        f"{late:+.2f} ± {far:.2f} frames",
        f"±{_MOST} frames",
        "sound" if fine else "fault",
        ""
        if fine
        else "Frames are shifted against the clip: look for a roll, a pad "
        "on one side, or frames that were cut off.",
    )


def _least(subject: Subject, samples: int) -> int:
    """Return the fewest samples that give as many frames as a clip has."""
    (frames,) = subject.encoder.count_frames([samples])
    low, high = (
        max(samples - int(2 * subject.hop), subject.encoder.min_samples),
        samples,
    )
    while low < high:
        middle = (low + high) // 2
        if subject.encoder.count_frames([middle])[0] < frames:
            low = middle + 1
        else:
            high = middle
    return high


def _end_heard(subject: Subject, clip: Tensor, late: float) -> bool:
    """Return whether the frames at an end of a clip tell that its last samples changed.

    Args:
        subject: The encoder.
        clip: `(samples,)` no longer than its frames need.
        late: Frames by which frames lie behind the clip, or before it if negative.
    """
    before, width = subject.hidden_states([clip])[0][0], max(round(subject.hop), 1)
    changes = []
    for begin in (len(clip) // 2, len(clip) - width if late > 0 else 0):
        change = torch.zeros(len(before))
        for seed in range(_DRAWS):
            changed = clip.clone()
            with chance(seed):
                changed[begin : begin + width] = clip.std() * torch.randn(width)
            change += (subject.hidden_states([changed])[0][0] - before).square().sum(1)
        changes.append(change)
    usual, change = changes
    peak = int(change.argmax())
    away = len(change) - 1 - peak if late > 0 else peak
    return bool(change.max() > _HEARD * usual.max()) and away <= abs(late) + 3


def _centre(change: Tensor) -> tuple[float, float]:
    """Return where a change is, and which share of it is there.

    Args:
        change: By frame.
    """
    frames = torch.arange(len(change))
    peak = int(change.argmax())
    beside, near = (frames - peak).abs() <= 1, (frames - peak).abs() <= 4
    centre = (change * frames)[beside].sum() / change[beside].sum()
    return float(centre), float(change[near].sum() / change.sum())
