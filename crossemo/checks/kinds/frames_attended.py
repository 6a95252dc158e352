"""The first and the last frame of a clip are heard as all others are."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from crossemo.checks.line import Line, counted
from crossemo.checks.subject import Subject
from crossemo.encoders.masking import normalise

_NAME = "frames that blocks hear"
_FRAMES = 16


def check(subject: Subject) -> Iterator[Line]:
    """Look whether frames hear their neighbours, by gradients, at the ends too.

    Where attention's mask is a frame too short for every clip, batches don't tell.
    """
    states = _states(subject)
    heard = [_heard(*pair) for pair in pairwise(states)]
    known = [one for one in heard if one is not None]
    if not known:
        why = "No state is seen to be computed from the one below."
        yield Line(_NAME, "unknown", "-", "not checked", why)
        return
    yield counted(
        _NAME,
        [
            f"{end} frame by block {k}"
            for k, ends in enumerate(heard, 1)
            for end in ends or ()
        ],
        "Their neighbours don't hear them, as other frames are heard: the mask of "
        "attention is a frame too short.",
        "all",
    )


def _states(subject: Subject) -> Sequence[Tensor]:
    """Return the states as they were computed from one another."""
    if subject.reach is None or subject.encoder.num_states == 1:
        return []
    encoder = subject.load_tuned()
    clip = subject.noise(_FRAMES)[None].to(subject.device)
    if encoder.normalised:
        clip = normalise(clip, torch.ones_like(clip, dtype=torch.bool))

    def run(step: Any, hidden: Tensor, **options: Any) -> Tensor:  # noqa: ANN401
        output: Tensor | tuple[Tensor, ...] = step(hidden, **options)
        return output[0] if isinstance(output, tuple) else output

    model, lengths = encoder.model, [clip.shape[1]]
    frames = encoder.count_frames(lengths)[0]
    states = encoder.family.hidden_states(model, clip, lengths, run)
    return states if frames >= 8 and states[0].shape[1] == frames else []


def _heard(below: Tensor, state: Tensor) -> list[str] | None:
    """Return which ends their neighbours don't hear; None if that can't be seen."""
    if not below.requires_grad or not state.requires_grad:
        return None
    frames = state.shape[1]
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(state.shape[2], generator=generator).to(state.device)

    def hears(frame: int, other: int) -> bool:
        output = (state[0, frame] * weights).sum()
        (gradient,) = torch.autograd.grad(
            output, below, retain_graph=True, allow_unused=True
        )
        return gradient is not None and bool(gradient[0, other].any())

    middle = range(frames // 2 - 1, frames // 2 + 2)
    if not any(hears(frame, frame) for frame in middle):
        return None
    unheard = []
    for step, end, name in ((1, frames - 1, "last"), (-1, 0, "first")):
        usual = all(hears(frame, frame + step) for frame in middle)
        if usual and not hears(end - step, end):
            unheard.append(name)
    return unheard
