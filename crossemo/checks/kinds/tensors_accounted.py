"""Every tensor of the file reached the model, and its own place there."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from crossemo.checks.line import Line, counted
from crossemo.checks.stored_weights import stored_tensors
from crossemo.checks.subject import Subject, tensors_of
from crossemo.encoders.families import get_family
from crossemo.errors import listed

_HALF = torch.float16, torch.bfloat16
_RESEMBLING = 0.5  # cosine
_FEWEST = 16  # numbers, of which chance makes no resemblance


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
        yield from _others(subject, tensors, seen.read)


def _others(
    subject: Subject, loaded: Mapping[str, Tensor], read: Mapping[str, Tensor]
) -> Iterator[Line]:
    """Return the lines of tensors that aren't what the file holds by their name.

    What was merged or averaged resembles it still; of what was drawn anew, transposed
    or mistaken for another tensor nothing does.
    """
    others, rounded = [], []
    for name, stored in _named_alike(loaded, read):
        if any(_equal(loaded[name], one) for one in stored) or not _acts(subject, name):
            continue
        ours = loaded[name].detach().cpu().double().flatten()
        theirs = stored[0].double().flatten()
        if not torch.cosine_similarity(ours, theirs, 0) > _RESEMBLING:
            others.append(name)
        elif any(torch.equal(theirs.to(half).double(), ours) for half in _HALF):
            rounded.append(name)
    yield counted(
        "tensors as in the file",
        others,
        "The file holds something else by their names: load them last of all, under "
        "the names and in the order that they have there.",
    )
    yield counted(
        "tensors as precise as in the file",
        rounded,
        "They were rounded after they were read: load them with dtype=torch.float32, "
        "and don't call half() or bfloat16().",
    )


def _named_alike(
    loaded: Mapping[str, Tensor], read: Mapping[str, Tensor]
) -> Iterator[tuple[str, list[Tensor]]]:
    """Return the names of tensors with what files hold by them, the surest one first.

    Either name may have more before it, as a model lies in another.
    """
    ends: dict[str, list[str]] = {}
    for key in read:
        ends.setdefault(key.rpartition(".")[2], []).append(key)
    named: dict[str, list[str]] = {}
    for name in loaded:
        place = f".{name.partition('.')[2]}"  # in the user's object
        for key in ends.get(name.rpartition(".")[2], []):
            if place.endswith(f".{key}") or f".{key}".endswith(place):
                named.setdefault(name, []).append(key)
    counts = Counter(key for keys in named.values() for key in keys)
    for name, keys in named.items():
        stored = [read[key] for key in sorted(keys, key=len, reverse=True)]
        fits = all(one.shape == loaded[name].shape for one in stored)
        fits = fits and stored[0].numel() >= _FEWEST
        if fits and stored[0].is_floating_point() and counts[max(keys, key=len)] == 1:
            yield name, stored


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
