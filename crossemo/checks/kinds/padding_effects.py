"""A clip gets the same states alone and beside others, padded or not."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from crossemo.checks.line import Line, judged, unlike
from crossemo.checks.subject import Subject
from crossemo.errors import reason_of

_BOUND = 2e-5


def check(subject: Subject) -> Iterator[Line]:
    """Compare every state of clips, in float32 and in bfloat16."""
    clips = [subject.noise(n, seed) for seed, n in enumerate((37, 60, 9, 23))]
    clips[1] = 5 * clips[1] + 0.1  # a louder neighbour would tell by its statistics
    alone = [subject.hidden_states([clip])[0] for clip in clips]
    worst, where = _worst(subject.hidden_states(clips), alone)
    advice = _diagnosis(subject.hidden_states(clips), alone)
    yield judged(f"beside longer clips{where}", worst, _BOUND, advice)
    # Loud enough for a spectrogram's floor to be too high, if it is of the batch.
    levels = (1, 7, 1e5, *[1] * 5)
    same = [clips[3], *(k * subject.noise(23, 10 + n) for n, k in enumerate(levels))]
    first = subject.hidden_states(same)[0]
    yield judged(
        "beside clips of its length",
        unlike(first, alone[3]),
        _BOUND,
        "What is said of a clip depends on the batch: look for statistics over the "
        "batch, such as a batch norm in training mode.",
    )
    yield from _reduced(subject, clips, alone)


def _reduced(
    subject: Subject, clips: Sequence[Tensor], full: Sequence[Tensor]
) -> Iterator[Line]:
    name, encoder = "beside longer clips, bfloat16", subject.load_frozen()
    try:
        with torch.autocast(subject.device.type, torch.bfloat16):
            alone = [subject.hidden_states([clip], encoder)[0] for clip in clips]
            together = subject.hidden_states(clips, encoder)
    except Exception as error:  # of whatever kind a library raises
        why = f"It can't be computed in bfloat16 ({reason_of(error)}): use 32-true."
        yield Line(name, "fails", "-", "note", why)
        return
    rounding, _ = _worst(alone, full)
    worst, _ = _worst(together, alone)
    bound = max(0.02, 3 * rounding)  # as far as rounding alone takes them
    advice = "Padding tells in bfloat16: a mask may be too small a number there."
    yield judged(name, worst, min(bound, 1.0), advice)
    after, _ = _worst(
        [subject.hidden_states([clip], encoder)[0] for clip in clips], full
    )
    if not after <= _BOUND:
        why = "What it kept of a pass in bfloat16 is used in float32: don't mix them."
        yield Line(
            "float32 after bfloat16", f"{after:.1e}", f"{_BOUND:.0e}", "note", why
        )


def _worst(together: Sequence[Tensor], alone: Sequence[Tensor]) -> tuple[float, str]:
    """Return the largest difference of a state of a clip, and of which state."""
    worst, where = 0.0, ""
    for one, other in zip(together, alone, strict=True):
        if one.shape != other.shape:
            return float("inf"), ""
        for state, pair in enumerate(zip(one, other, strict=True)):
            if not unlike(*pair) <= worst:
                worst, where = unlike(*pair), f" (state {state})"
    return worst, where


def _diagnosis(together: Sequence[Tensor], alone: Sequence[Tensor]) -> str:
    """Return where padding gets in, from which frames of state 0 it changes."""
    one, other = together[0][0], alone[0][0]
    if one.shape != other.shape:
        return "The clip has another number of frames beside others: see its mask."
    if unlike(one, other) <= _BOUND:
        return "State 0 is right, so blocks hear padding: give attention its mask."
    begin = slice(0, len(one) // 3)
    if unlike(one[begin], other[begin]) <= _BOUND:
        return (
            "The clip's last frames change: convolutions see padding behind it, or a "
            "mask ends a frame too late. Fill with zeros before each of them."
        )
    return (
        "All frames change: statistics are taken over the padded length. Normalise "
        "waveforms, and compute group norms, over each clip's own samples."
    )
