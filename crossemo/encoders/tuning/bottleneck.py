"""Bottleneck adapters behind the attention and the feed-forward part of each block."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.families.base import Family, Model


class Bottleneck(nn.Module):
    """A narrow layer with a way around it, without effect at first.

    Args:
        width: Features per frame.
        size: Features in the middle.
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, size)
        self.up = nn.Linear(size, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, frames: Tensor) -> Tensor:
        """Return `(..., width)` frames, changed by what passed the middle."""
        changed: Tensor = frames + self.up(gelu(self.down(frames)))
        return changed


def add_bottlenecks(model: Model, family: Family, size: int, seed: int) -> None:
    """Add Houlsby adapters (Houlsby et al., 2019), where the family has them.

    They hang on the modules that they follow, so that the names of the encoder's own
    parameters stay as they are.

    Args:
        model: The encoder, changed in place.
        family: What kind of encoder it is.
        size: Features in the middle of an adapter.
        seed: Seed of the first weights.

    Raises:
        EncoderError: The size is below 1, or the family has no place for them.
    """
    if size < 1:
        raise EncoderError(f"The size of a bottleneck is {size}: choose 1 or more.")
    if not family.bottlenecks:
        raise EncoderError(
            f"Bottleneck adapters have no place in a {family.name} encoder: choose "
            "another tuning."
        )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for block in family.blocks(model):
            for place in family.bottlenecks:
                linear: Any = block.get_submodule(place)
                linear.add_module("adapter", Bottleneck(linear.out_features, size))
                linear.register_forward_hook(_pass_on)


def _pass_on(module: nn.Module, _: Any, output: Tensor) -> Tensor:  # noqa: ANN401
    adapter: nn.Module = module.get_submodule("adapter")
    adapted: Tensor = adapter(output)
    return adapted
