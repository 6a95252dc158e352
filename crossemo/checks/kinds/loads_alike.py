"""Loaded twice, an encoder is the same: nothing is drawn at random or left unset."""

from collections.abc import Iterator

import torch
from torch import Tensor

from crossemo.checks.line import Line, counted, judged, unlike
from crossemo.checks.subject import Subject, tensors_of
from crossemo.errors import listed


def check(subject: Subject) -> Iterator[Line]:
    """Compare all tensors of two loadings, buffers that no file holds included.

    The second one has other random numbers, and NaN in memory that nobody sets:
    transformers leaves such buffers as they are (huggingface/transformers#48892).
    """
    once, again = (
        tensors_of(subject.encoder.model),
        tensors_of(subject.second_loading.model),
    )
    other = [name for name in once if not _same(once[name], again.get(name))]
    unset = [n for n in other if n in again and _unset(once[n], again[n])]
    names = [name for name in other if name not in unset]
    yield counted(
        "tensors that nobody sets",
        unset,
        "They hold whatever was in memory. Compute them when the model is built, and "
        "again after weights were loaded, or save them.",
        f"{len(once)} are set",
    )
    acting = [name for name in names if _acts(subject, once[name], again.get(name))]
    yield counted(
        "tensors drawn at random",
        acting,
        "Hidden states depend on them: load them from the file, or seed them.",
        f"{len(once) - len(names)} alike",
    )
    if idle := [name for name in names if name not in acting]:
        why = "No hidden state depends on them; do not use what they are for."
        yield Line("random heads", listed(idle, 3), "none", "note", why)
    if not acting and not unset:
        clip = [subject.noise(40)]
        states = subject.hidden_states(clip, subject.second_loading.to(subject.device))[
            0
        ]
        yield judged(
            "states of two loadings",
            unlike(states, subject.hidden_states(clip)[0]),
            1e-6,
            "All tensors of its modules are alike: look for what else is drawn at "
            "random, in lists, arrays or numbers of its own.",
        )


def _same(one: Tensor, other: Tensor | None) -> bool:
    if other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return torch.equal(one.cpu(), other) or bool(
        torch.equal(one.cpu().isnan(), other.isnan())
        and torch.equal(one.cpu().nan_to_num(), other.nan_to_num())
    )


def _unset(one: Tensor, other: Tensor) -> bool:
    """Return whether a tensor shows how memory was filled before."""
    if other.is_floating_point() or other.is_complex():
        return bool(other.isnan().any()) and not bool(one.isnan().all())
    if other.dtype == torch.bool:
        return bool(other.all())
    return bool((other == torch.iinfo(other.dtype).max).any())


def _acts(subject: Subject, tensor: Tensor, other: Tensor | None) -> bool:
    """Return whether hidden states change with a tensor."""
    if other is None or other.shape != tensor.shape:
        return True
    return subject.acting({tensor: other})
