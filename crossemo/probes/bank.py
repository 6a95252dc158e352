"""Many probes of one view of the clips, computed as one."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class ProbeBank(nn.Module):
    """Probes of one learning rate, one for every fold and variant.

    A probe is what two `nn.Linear` without anything in between would be with the
    variant's seed, as SUPERB's (Yang et al., 2021). Parameters begin with the axes
    `(folds, variants)`.

    Args:
        folds: Number of folds.
        seeds: Seed of each variant's first weights, the same in all folds.
        width: Features of a clip.
        classes: Number of classes.
        hidden: Features after the projection.
    """

    def __init__(
        self,
        folds: int,
        seeds: Sequence[int],
        width: int,
        classes: int,
        hidden: int,
    ) -> None:
        super().__init__()
        drawn = [_draw([width, hidden, classes], seed) for seed in seeds]
        self.maps = nn.ParameterList(
            torch.stack(same).expand(folds, *[-1] * (same[0].ndim + 1)).clone()
            for same in zip(*drawn, strict=True)
        )


def joined(banks: Sequence[ProbeBank]) -> list[Tensor]:
    """Return the parameters of several banks beside one another.

    Returns:
        `(folds, banks * variants, ...)` each.
    """
    return [torch.cat(same, 1) for same in zip(*(b.maps for b in banks), strict=True)]


def raw_logits(
    maps: Sequence[Tensor], clips: Tensor, mean: Tensor, inverse: Tensor
) -> Tensor:
    """Return what probes say of clips that each fold standardises in its own way.

    Args:
        maps: As in `logits`.
        clips: `(clips, width)`.
        mean: `(folds, 1, width)` what each fold takes from them.
        inverse: `(folds, 1, width)` what it then multiplies them by.

    Returns:
        As `logits`.
    """
    centre = mean.mean(0)
    clips, mean = clips - centre, mean - centre  # else small deviations lose digits
    if maps[1][0].numel() > len(clips):
        return logits(maps, (clips - mean) * inverse)
    # It is less to put into the maps, and leaves the clips the same for all folds.
    weight = maps[0] * inverse[:, None]
    bias = maps[1] - (weight @ mean.mT[:, None]).squeeze(-1)
    return logits([weight, bias, *maps[2:]], clips[None])


def logits(maps: Sequence[Tensor], clips: Tensor) -> Tensor:
    """Return what probes say of clips.

    Args:
        maps: Weights and biases, one map after the other, `(folds, probes, ...)`.
        clips: `(folds, clips, width)`, the clips as each fold sees them, or
            `(1, clips, width)` for the same in all folds.

    Returns:
        `(folds, probes, clips, classes)`.
    """
    # One product for all probes reads the clips only once.
    outputs = torch.einsum("fpcd,fmd->fpcm", maps[0], clips) + maps[1][..., None]
    for weight, bias in zip(maps[2::2], maps[3::2], strict=True):
        outputs = weight @ outputs + bias[..., None]
    return outputs.mT


def _draw(sizes: Sequence[int], seed: int) -> list[Tensor]:
    """Return weights and biases of linear maps after one another."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    return [tensor.detach() for one in layers for tensor in (one.weight, one.bias)]
