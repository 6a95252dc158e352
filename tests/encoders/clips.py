import torch
from torch import Tensor

from tests.encoders.tiny import MIN_SAMPLES

LENGTHS = torch.tensor([1500, 611, 2000, MIN_SAMPLES])


def lengths(shortest: int) -> Tensor:
    return LENGTHS.clamp(min=shortest)


def clips(seed: int = 0, shortest: int = MIN_SAMPLES) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    waveforms = 0.1 * torch.randn(len(LENGTHS), 2000, generator=generator) + 0.02
    for clip, length in enumerate(lengths(shortest)):
        waveforms[clip, length:] = 0
    return waveforms


def distance(one: Tensor, other: Tensor) -> float:
    return float(((one - other).norm() / other.norm()).detach())
