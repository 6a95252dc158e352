"""What is tuned gets a gradient, adapters included."""

from collections.abc import Iterator

import torch
from torch import nn

from crossemo.checks.line import Line, counted
from crossemo.checks.subject import Subject
from crossemo.encoders.encoder import SSLEncoder

_ADAPTERS, _WEIGHTS = "gradients through adapters", "gradients of all weights"


def check(subject: Subject) -> Iterator[Line]:
    """Tune all weights, and adapters (LoRA) that act; look for what gets nothing."""
    if subject.reach is None:
        why = "It keeps no graph or has no weights: it can be used frozen alone."
        yield Line(
            _ADAPTERS, "no gradients", "-", "note" if subject.by_user else "fault", why
        )
        return
    reached = set().union(*subject.reach)
    whole = subject.load_tuned()
    trained = {n for n, p in whole.model.named_parameters() if p.requires_grad}
    idle = sorted(trained - reached)
    line = counted(
        _WEIGHTS,
        idle,
        "No hidden state depends on them: training in several processes would wait "
        "for their gradients. Leave them out of the model.",
        f"{len(trained)} have one",
    )
    yield line if not (idle and subject.by_user) else _noted(line)
    yield _of_adapters(subject, reached)


def _noted(line: Line) -> Line:
    return Line(line.check, line.measured, line.bound, "note", line.advice)


def _of_adapters(subject: Subject, reached: set[str]) -> Line:
    family = subject.about.family
    if subject.by_user:
        targets = sorted(_linear(subject, reached))
        if not targets:
            why = "It has no linear layers that adapters could sit on."
            return Line(_ADAPTERS, "no places", "-", "not checked", why)
        options = {"peft_type": "LORA", "r": 2, "target_modules": targets}
        encoder = subject.load_tuned("peft", options)
    elif {"query", "value"} <= family.places.keys():
        encoder = subject.load_tuned("lora")
    else:
        why = "The family names no places for them."
        return Line(_ADAPTERS, "no places", "-", "not checked", why)
    idle = _without_gradient(subject, encoder)
    return counted(
        _ADAPTERS,
        idle,
        "The layer's weights are read instead of the layer being called, so that an "
        "adapter on it has no effect: call it.",
        "all have one",
    )


def _without_gradient(subject: Subject, encoder: SSLEncoder) -> list[str]:
    named = {n: p for n, p in encoder.model.named_parameters() if p.requires_grad}
    generator = torch.Generator().manual_seed(0)
    # An adapter that does nothing yet hides half of its gradients.
    with torch.no_grad():
        for parameter in named.values():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.02 * noise.to(parameter.device))
    clip = subject.noise(12)[None].to(subject.device)
    states, _ = encoder(clip, torch.tensor([clip.shape[1]]))
    if not states.requires_grad:
        return sorted(named)
    weights = torch.randn(states.shape, generator=generator).to(states.device)
    torch.autograd.backward((states * weights).sum())
    return sorted(n for n, p in named.items() if p.grad is None or not p.grad.any())


def _linear(subject: Subject, reached: set[str]) -> Iterator[str]:
    """Return linear layers that act and are no part of torch's own attention.

    One that acts without a gradient is read beside the graph, as by `detach`.
    """
    model = subject.encoder.model
    inside = tuple(
        f"{name}."
        for name, module in model.named_modules()
        if isinstance(module, nn.MultiheadAttention)
    )
    others = {}
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear) or name.startswith(inside):
            continue
        if f"{name}.weight" in reached:
            yield name
        else:
            others[name] = module.weight
    if subject.acting({weight: 2 * weight + 0.01 for weight in others.values()}):
        for name, weight in others.items():
            if subject.acting({weight: 2 * weight + 0.01}):
                yield name
