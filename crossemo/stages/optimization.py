"""What AdamW trains, how fast, and how the rate moves over a stage."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

Schedule = Literal["cosine", "linear", "constant"]


def rate_factor(step: int, steps: int, warmup: float, schedule: Schedule) -> float:
    """Return the factor on the learning rate at a step of a stage.

    Args:
        step: Steps taken, from 0.
        steps: Steps of the whole stage.
        warmup: Share of the steps in which the factor rises linearly to 1.
        schedule: Afterwards: `constant`, or to 0 by a `linear` or `cosine` fall.

    >>> [rate_factor(step, 10, 0.2, "linear") for step in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    rising = math.ceil(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    if schedule == "constant":
        return 1.0
    left = max(0.0, (steps - step) / max(1, steps - rising))
    return left if schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left))


def warmup_schedule(
    optimizer: Optimizer, steps: int, warmup: float, schedule: Schedule
) -> LambdaLR:
    """Return the scheduler, stepped after every optimizer step, of `rate_factor`."""
    return LambdaLR(optimizer, lambda step: rate_factor(step, steps, warmup, schedule))


def parameter_groups(
    parts: Mapping[str, Sequence[nn.Module]],
    rates: Mapping[str, float],
    weight_decay: float,
) -> list[dict[str, Any]]:
    """Group the trained parameters by part, biases and gains without weight decay.

    Args:
        parts: Name of a part to its modules; the name appears in TensorBoard.
        rates: Name of a part to its learning rate.
        weight_decay: Decay of matrices and kernels.

    Returns:
        Groups for `torch.optim`; parts without trained parameters have none.
    """
    groups = []
    for part, modules in parts.items():
        trained = [p for m in modules for p in m.parameters() if p.requires_grad]
        matrices = [p for p in trained if p.ndim > 1]
        vectors = [p for p in trained if p.ndim <= 1]
        for name, members, decay in (
            (part, matrices, weight_decay),
            (f"{part}-vectors", vectors, 0.0),
        ):
            if members:
                groups.append(
                    {
                        "name": name,
                        "params": members,
                        "lr": rates[part],
                        "weight_decay": decay,
                    }
                )
    return groups
