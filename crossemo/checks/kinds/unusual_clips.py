"""Silence, very quiet and loud clips, very short and long ones are heard too."""

from collections.abc import Iterator

import torch
from torch import Tensor

from crossemo.checks.line import Line, counted, unlike
from crossemo.checks.subject import Subject
from crossemo.errors import reason_of

_NUMBERS = "states of unusual clips are numbers"
_LONG = "long clips are heard to their end"
_SECONDS = 35  # longer than the windows of thirty seconds that encoders have
_FRAMES = 4000  # at most: attention's memory grows with their square


def check(subject: Subject) -> Iterator[Line]:
    """Hear clips that a corpus holds a few of, and change the end of a long one."""
    clip = subject.noise(40)
    clips = {
        "silence": 0 * clip,
        "a constant": 0 * clip + 0.1,
        "quiet": 1e-4 * clip,
        "loud": 1e2 * clip,
        "the shortest": subject.noise(1),
    }
    strange, failing = [], []
    for name, one in clips.items():
        try:
            finite = subject.hidden_states([one])[0].isfinite().all()
        except Exception as error:  # of whatever kind the encoder's code raises
            failing.append(f"{name} ({reason_of(error)})")
            continue
        if not finite:
            strange.append(name)
    advice = "NaN or infinity would spread to all weights in training: add a small "
    advice += "number to what is divided by, and to what a logarithm is taken of."
    yield counted(_NUMBERS, strange, advice, f"{len(clips)} clips")
    if failing:
        why = f"It refuses {'; '.join(failing)}: keep such clips out of the data."
        yield Line("unusual clips", f"{len(failing)} refused", "0", "note", why)
    if not subject.about.family.for_distances:
        yield _to_the_end(subject)


def _to_the_end(subject: Subject) -> Line:
    rate = subject.encoder.sampling_rate
    generator = torch.Generator().manual_seed(0)
    samples = min(_SECONDS * rate, subject.samples(_FRAMES))
    clip = 0.1 * torch.randn(samples, generator=generator)
    seconds = f"{samples / rate:.0f} s"
    changed = clip.clone()
    last = min(rate, samples // 4)
    changed[-last:] = changed[-last:].flip(0)
    try:
        states, other = (
            subject.hidden_states([clip])[0],
            subject.hidden_states([changed])[0],
        )
    except Exception as error:  # of whatever kind the encoder's code raises
        why = f"It fails ({reason_of(error)}): cut longer clips before."
        return Line(_LONG, "fails", seconds, "note", why)
    if not states.isfinite().all():
        advice = "States of a long clip hold NaN or infinity."
        return Line(_LONG, "no numbers", "numbers", "fault", advice)
    frames, expected = states.shape[1], len(clip) / subject.hop
    deaf = _last(states, other, last / subject.hop)
    whole = abs(frames / expected - 1) <= 0.03 and not deaf
    return Line(
        _LONG,
        f"{frames} frames" + (", end unheard" if deaf else ""),
        f"{expected:.0f} frames",
        "sound" if whole else "fault",
        ""
        if whole
        else f"Of {seconds}, some are cut off or left out without a word: hear "
        "long clips in windows, or refuse them.",
    )


def _last(states: Tensor, other: Tensor, frames: float) -> bool:
    """Return whether the last frames don't tell that what they hear was changed."""
    inside = slice(-max(round(frames), 1), None)
    return unlike(states[:, inside], other[:, inside]) <= 1e-6
