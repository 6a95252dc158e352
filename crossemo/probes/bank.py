"""Many probes of one view of the clips, computed as one."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

ProbeHead = Literal["linear", "superb"]


class ProbeBank(nn.Module):
    """Probes of one learning rate, one for every fold and variant.

    A probe is what `nn.Linear` would be with the variant's seed, or two of them
    without anything in between, as SUPERB's (Yang et al., 2021). Parameters begin with
    the axes `(folds, variants)`.

    Args:
        folds: Number of folds.
        seeds: Seed of each variant's first weights, the same in all folds.
        width: Features of a clip.
        classes: Number of classes.
        hidden: Features after the projection; none if None.
    """

    def __init__(
        self,
        folds: int,
        seeds: Sequence[int],
        width: int,
        classes: int,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        sizes = [width, classes] if hidden is None else [width, hidden, classes]
        drawn = [_draw(sizes, seed) for seed in seeds]
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


def logits(maps: Sequence[Tensor], clips: Tensor) -> Tensor:
    """Return what probes say of clips.

    Args:
        maps: Weights and biases, one map after the other, `(folds, probes, ...)`.
        clips: `(folds, clips, width)`, the clips as each fold sees them.

    Returns:
        `(folds, probes, clips, classes)`.
    """
    # One product for all probes of a fold reads its clips only once.
    found = torch.einsum("fmd,fpdc->fpmc", clips, maps[0]) + maps[1][:, :, None]
    for weight, bias in zip(maps[2::2], maps[3::2], strict=True):
        found = found @ weight + bias[:, :, None]
    return found


def _draw(sizes: Sequence[int], seed: int) -> list[Tensor]:
    """Return weights and biases of linear maps after one another, `(in, out)` each."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    return [tensor.detach() for one in layers for tensor in (one.weight.T, one.bias)]
