"""Hearing a clip leaves everything else as it was."""

import gc
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from crossemo.checks.line import Line, counted
from crossemo.checks.subject import Subject, chance

_ADVICE = (
    "Whatever is computed afterwards, training included, is changed by it: draw random "
    "numbers from a generator of the encoder's own, and set modes by `with`."
)


def check(subject: Subject) -> Iterator[Line]:
    """Look at random numbers, modes of torch and memory before and after."""
    clip = [subject.noise(12)]
    before = _modes()
    subject.hidden_states(clip, subject.load_tuned())
    pairs = zip(before, _modes(), strict=True)
    changed = [name for (name, old), (_, new) in pairs if old != new]
    first, second = _chances_after(subject, 1), _chances_after(subject, 2)
    changed += [f"seed of {name}" for name in first if first[name] == second[name]]
    yield counted("what hearing a clip changes", changed, _ADVICE, "nothing")
    sizes = []
    for _ in range(3):
        subject.hidden_states(clip)
        sizes.append(_tensors())
    leaks = sizes[0] < sizes[1] < sizes[2]
    yield counted(
        "tensors kept of each clip",
        [str(sizes[2] - sizes[1])] if leaks else [],
        "Memory grows with every clip until there is none: don't keep what was "
        "computed, or only for lengths that come again.",
        "none",
    )


def _modes() -> list[tuple[str, object]]:
    return [
        ("gradients", torch.is_grad_enabled()),
        ("precision of new tensors", torch.get_default_dtype()),
        ("threads", torch.get_num_threads()),
    ]


def _chances_after(subject: Subject, seed: int) -> dict[str, object]:
    """Return where generators of random numbers stand once a clip was heard."""
    with chance(seed):
        subject.hidden_states([subject.noise(12)])
        return {
            "torch": torch.get_rng_state().numpy().tobytes(),
            "numpy": str(np.random.get_state(legacy=False)["state"]),
            "random": random.getstate(),
        }


def _tensors() -> int:
    gc.collect()
    return sum(issubclass(type(one), Tensor) for one in gc.get_objects())
