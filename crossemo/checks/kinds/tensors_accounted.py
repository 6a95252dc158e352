"""Every tensor of the file reached the model, and its own place there."""

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from crossemo.checks.line import Line, counted
from crossemo.checks.stored_weights import stored_tensors
from crossemo.checks.subject import Subject, tensors_of
from crossemo.encoders.families import get_family
from crossemo.errors import listed


def check(subject: Subject) -> Iterator[Line]:
    """Compare names and contents with what was read, and read what loading reported."""
    if not subject.by_user:
        yield from _of_file(subject)
        return
    seen, tensors = subject.loading, tensors_of(subject.encoder.model)
    yield counted(
        "tensors that the weights lack",
        sorted(key for key in seen.missing if _acts(subject, key)),
        "Find out why the file lacks them: they are drawn at random or left as they "
        "were. Load with strict=True.",
    )
    others = seen.unexpected | seen.mismatched
    yield counted(
        "tensors that no model took",
        sorted(key for key in others if not _of_head(key)),
        "Build the model that the file is of, or leave them out by name before you "
        "load with strict=True.",
    )
    if seen.read:
        yield _swapped(tensors, seen.read)


def _acts(subject: Subject, key: str) -> bool:
    """Return whether hidden states may depend on a tensor, by its name in its model."""
    reached = set().union(*subject.reach or [])
    names = {n for n, _ in subject.encoder.model.named_parameters() if n.endswith(key)}
    return not (reached and names) or bool(reached & names)


def _of_head(key: str) -> bool:
    """Return whether a tensor is of what transformers puts above an encoder."""
    return get_family("wav2vec2").heads.match(key) is not None


def _of_file(subject: Subject) -> Iterator[Line]:
    family = subject.about.family
    stored = stored_tensors(subject.about)
    if not stored:
        why = "Its weights are random, from a seed."
        yield Line("tensors of the file", "no file", "-", "not checked", why)
        return
    loaded = tensors_of(subject.encoder.model)
    heads = [name for name in stored if family.heads.match(name)]
    named = {family.tensor_name(key): t for key, t in stored.items()}
    by_content = {_content(t) for t in loaded.values()}
    absent = [
        key
        for key, tensor in named.items()
        if not family.heads.match(key)
        and not family.heads.match(key.partition(".")[2])
        and not _equal(loaded.get(key), tensor)
        and _content(tensor) not in by_content
    ]
    yield counted(
        "tensors of the file that reached the model",
        absent,
        "They are in the file and not in the model, which is a fault of crossemo's: "
        "please report it.",
        f"{len(stored) - len(heads)} of {len(stored)}",
    )
    yield _swapped(loaded, named)
    if heads:
        tops = dict.fromkeys(name.partition(".")[0] for name in heads)
        why = "Parts above the encoder, which no hidden state needs."
        yield Line("tensors left out", listed(tops, 4), "heads", "sound", why)


def _swapped(loaded: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> Line:
    """Return the line of tensors that lie in another layer than in the file."""
    places: dict[tuple[object, ...], list[str]] = {}
    for name, tensor in loaded.items():
        places.setdefault(_content(tensor), []).append(name)
    swapped = []
    for key, tensor in stored.items():
        names = places.get(_content(tensor), [])
        if names and bool((tensor != tensor.flatten()[0]).any()):
            there = {_numbers(name) for name in names}
            if _numbers(key) and _numbers(key) not in there and len(there) == 1:
                swapped.append(f"{key} as {names[0]}")
    return counted(
        "layers in the file's order",
        swapped,
        "Give every tensor its own place: these are another layer's.",
    )


def _numbers(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"(?<=\.)\d+(?=\.)", name))


def _equal(one: Tensor | None, other: Tensor) -> bool:
    return one is not None and torch.equal(one.cpu().float(), other.cpu().float())


def _content(tensor: Tensor) -> tuple[object, ...]:
    """Return what tells a tensor's content from others', whatever its precision."""
    values = tensor.detach().cpu().float().flatten()
    return (
        tuple(tensor.shape),
        float(values.double().sum()),
        values[:4].numpy().tobytes(),
    )
