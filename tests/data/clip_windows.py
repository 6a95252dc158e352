"""Numbers of the windows of a few clips."""

import torch
from torch import Tensor

WINDOWS = (3, 1, 5, 2)  # of each clip


def windows() -> tuple[Tensor, Tensor]:
    """Return clips `(windows,)` and what was computed of their windows."""
    clips = torch.repeat_interleave(torch.arange(len(WINDOWS)), torch.tensor(WINDOWS))
    generator = torch.Generator().manual_seed(0)
    return clips, torch.randn(len(clips), 2, generator=generator)
