"""Bring what every process computed for its clips together, each clip once."""

import torch
from torch import Tensor
from torch import distributed as dist


def gather_clips(indices: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values of all processes in the order of the clips.

    Args:
        indices: `(clips,)` position of every clip in its dataset.
        values: `(clips, ...)` what was computed for it.

    Returns:
        The sorted indices without repeats and their values, on the CPU, the same on
        every process.
    """
    pieces = [(indices.cpu(), values.cpu())]
    if dist.is_available() and dist.is_initialized():
        collected: list[tuple[Tensor, Tensor] | None]
        collected = [None] * dist.get_world_size()
        dist.all_gather_object(collected, pieces[0])
        pieces = [piece for piece in collected if piece is not None]
    everything = torch.cat([piece[0] for piece in pieces])
    order = torch.unique(everything, return_inverse=True)
    first = torch.full((len(order[0]),), len(everything))
    positions = torch.arange(len(everything))
    first = first.scatter_reduce(0, order[1], positions, "amin")
    return order[0], torch.cat([piece[1] for piece in pieces])[first]
