"""Weights are numbers, of full precision, and not all the same."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from crossemo.checks.line import Line, counted
from crossemo.checks.subject import Subject, tensors_of
from crossemo.errors import listed

_NOTHING = 1e-30  # less than a weight ever changes hidden states by

_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.RMSNorm)
_MATRICES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding, nn.Bilinear)


def check(subject: Subject) -> Iterator[Line]:
    """Look at every tensor of the encoder as it computes."""
    tensors = tensors_of(subject.encoder.model)
    if not tensors:
        why = "The encoder has no tensors in modules of torch."
        yield Line("weights are numbers", "no tensors", "-", "not checked", why)
        return
    floating = {k: t for k, t in tensors.items() if t.is_floating_point()}
    yield counted(
        "weights are numbers",
        [name for name, tensor in floating.items() if not tensor.isfinite().all()],
        "NaN or infinity: download or save the weights again.",
        f"{len(floating)} tensors",
    )
    yield counted(
        "constant weights",
        sorted(_constant(subject.encoder.model)),
        "All numbers of a matrix are the same, so it was never filled: load it.",
        f"none of {len(floating)}",
    )
    yield counted(
        "weights in half precision",
        [k for k, t in floating.items() if t.dtype.itemsize < 4],
        "Load them in float32 (dtype=torch.float32) and leave it to "
        "trainer.precision to compute in less.",
        f"none of {len(floating)}",
    )
    matrices = [t for t in floating.values() if t.dim() > 1 and t.dtype.itemsize >= 4]
    rounded = [
        str(half).removeprefix("torch.")
        for half in (torch.float16, torch.bfloat16)
        if matrices and all(torch.equal(t.to(half).to(t.dtype), t) for t in matrices)
    ]
    if rounded:
        why = "All weights were rounded to it once; take them in float32 if you can."
        yield Line("weights rounded", listed(rounded), "none", "note", why)


def _constant(model: nn.Module) -> Iterator[str]:
    for place, module in model.named_modules():
        for name, weight in module.named_parameters(recurse=False):
            matrix = isinstance(module, (*_MATRICES, nn.MultiheadAttention))
            norm = isinstance(module, _NORMS)
            if not (matrix or norm) or weight.numel() < 2 or not _flat(weight):
                continue
            value = float(weight.flatten()[0])
            untrained = weight.dim() == 1 and value == float(norm and name == "weight")
            if not untrained and value == value:  # NaN has its line
                yield f"{place}.{name}"


def _flat(weight: Tensor) -> bool:
    low, high = torch.aminmax(weight.detach())
    return bool(high - low <= _NOTHING)
