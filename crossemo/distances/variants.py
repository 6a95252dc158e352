"""Fréchet distances that suffer less from few clips: extrapolated, or in a subspace."""

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from crossemo.distances.frechet import check_embeddings, frechet_distance

LEAST_PER_FEATURE = 2


def frechet_infinity(
    x: Tensor, y: Tensor, sizes: int = 15, draws: int = 4, seed: int = 0
) -> Tensor:
    r"""Return the Fréchet distance extrapolated to infinitely many clips.

    Distances $F(n)$ between n clips of each set, drawn without replacement, are fitted
    by $F_\infty + c / n$ (FID∞ of Chong & Forsyth, 2020; FAD∞ of Gui et al., 2024, who
    draw from one set only and with replacement). Near n = d the distance isn't linear
    in 1 / n, so sets of fewer than `LEAST_PER_FEATURE` d clips are refused: the
    intercept would be mostly bias and noise.

    Args:
        x: `(n1, d)`.
        y: `(n2, d)`.
        sizes: How many n are looked at, evenly spaced in 1 / n from half the smaller
            set, or d + 1 clips, up to all of it.
        draws: Draws for each n.
        seed: Seed of the draws.

    Returns:
        A float64 scalar; it may be negative.

    Raises:
        ValueError: As `frechet_distance`, or a set has too few clips.
    """
    for one in (x, y):
        check_embeddings(one)
    most, width = min(len(x), len(y)), x.shape[1]
    if most < LEAST_PER_FEATURE * width:
        raise ValueError(
            f"The smaller set has {most} clips of {width} features: an extrapolation "
            f"needs at least {LEAST_PER_FEATURE * width}."
        )
    least = max(width + 1, most // 2)
    random = Random(seed)
    steps = torch.linspace(1 / least, 1 / most, sizes, dtype=torch.float64)
    counts = (1 / steps).round().to(torch.int64)
    values = [
        frechet_distance(*(one[random.sample(range(len(one)), n)] for one in (x, y)))
        for n in counts.tolist()
        for _ in range(draws)
    ]
    inverse = (1 / counts.to(torch.float64)).repeat_interleave(draws)
    design = torch.stack((torch.ones_like(inverse), inverse), 1)
    intercept: Tensor = torch.linalg.lstsq(design, torch.stack(values)[:, None])[0][
        0, 0
    ]
    return intercept


def principal_axes(sets: Sequence[Tensor], rank: int) -> Tensor:
    """Return the axes along which clips of all sets vary most.

    Distances between sets projected on them (`x @ axes`) ignore all other directions
    and have far less bias. All sets that are compared must share the axes.

    Args:
        sets: `(n, d)` each.
        rank: Number of axes; fewer where there are fewer clips or features.

    Returns:
        `(d, rank)` float64, orthonormal.

    Raises:
        ValueError: As `check_embeddings`, or `rank` is below one.

    >>> principal_axes([torch.tensor([[0.0, 0.0], [0.0, 2.0], [0.0, 5.0]])], 1).abs()
    tensor([[0.],
            [1.]], dtype=torch.float64)
    """
    if rank < 1:
        raise ValueError(f"A subspace of {rank} axes holds nothing: ask for 1 or more.")
    clips = torch.cat([one.detach().to(torch.float64) for one in sets])
    check_embeddings(clips)
    clips = clips - clips.mean(0)
    if 3 * rank > min(clips.shape) or not clips.any():
        vectors: Tensor = torch.linalg.svd(clips, full_matrices=False)[2]
        return vectors[:rank].T
    from scipy.sparse.linalg import svds  # a few axes take a tenth of the time

    start = clips.new_ones(min(clips.shape)).numpy()  # or it would draw one at random
    axes = svds(clips.numpy(), rank, v0=start, return_singular_vectors="vh")[2]
    return torch.from_numpy(axes[::-1].copy()).T
