"""How often warnings are wrong, and how often they come when they should.

Run `python -m tests.benchmarks.simulate_reliability [--models M]`; it takes a few
minutes on one thread. Every row is a design; the shares are in per cent.

A model's embeddings, levels and lengths are drawn for validation clips of some groups
(speakers, songs), its limits are estimated from them, and clips of new groups are
judged. Embeddings of width 64 have eigenvalues that fall as 1 / k; a share of the
variance of all is that of groups. `t` draws clips from Student's distribution with
five degrees of freedom. Shifted are: levels by 15 dB (clips spread by 4), lengths to
four times (they spread by a factor of 1.3), embeddings by `SHIFT` standard deviations
along a direction of their own, drawn evenly in the whitened space.
"""

import argparse
from itertools import product

import torch
from torch import Tensor

from crossemo.metrics.shares import share_interval
from crossemo.sharing.reliability import FALSE_ALARMS, Familiarity

WIDTH = 64
SIZES = ((3, 40), (4, 60), (6, 60), (12, 20), (24, 20), (60, 1), (400, 1))
BETWEEN = (0.1, 0.5)
TAILS = ("normal", "t")
SHIFT = 8.0  # of a vector of length 8 in the whitened space, the root of its width
TESTED = 4, 60  # groups and clips of each, of a test


def drawn(
    groups: int, clips: int, between: float, tail: str, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, list[str]]:
    """Return embeddings, levels, lengths and groups of clips."""
    shares = torch.tensor([between, 1 - between]).sqrt()
    alike = torch.randn(groups, 1, WIDTH + 2, generator=generator)
    alone = torch.randn(groups, clips, WIDTH + 2, generator=generator)
    if tail == "t":
        chi = torch.randn(5, groups, clips, 1, generator=generator).square().mean(0)
        alone = alone / chi.sqrt() * (3 / 5) ** 0.5
    values: Tensor = (shares[0] * alike + shares[1] * alone).flatten(0, 1)
    scale: Tensor = torch.arange(1, WIDTH + 1).rsqrt()
    names = [f"{group:03}" for group in range(groups) for _ in range(clips)]
    levels, lengths = -25 + 4 * values[:, 0], 3 * 1.3 ** values[:, 1]
    return values[:, 2:] * scale, levels, lengths, names


def shifted(embeddings: Tensor, generator: torch.Generator) -> Tensor:
    """Return embeddings that are moved along a direction of each clip's own."""
    away = torch.randn(embeddings.shape, generator=generator)
    away = SHIFT * away / away.norm(dim=1, keepdim=True)
    moved: Tensor = embeddings + away * torch.arange(1, WIDTH + 1).rsqrt()
    return moved


def row(
    design: tuple[int, int, float, str], models: int, generator: torch.Generator
) -> list[float]:
    """Return shares of alarms, of misses, and of intervals that hold the truth."""
    groups, clips, between, tail = design
    wrong, powers, shares, intervals = [], [], [], []
    for _ in range(models):
        known = Familiarity.estimate(*drawn(groups, clips, between, tail, generator))
        embeddings, levels, lengths, _ = drawn(100, 10, between, tail, generator)
        alarms = known.alarms(embeddings, levels, lengths)
        wrong.append(alarms.double().mean(0))
        shares.append(float(alarms.any(1).double().mean()))
        louder = known.alarms(embeddings, levels + 15, lengths)[:, 0]
        longer = known.alarms(embeddings, levels, 4 * lengths)[:, 1]
        other = known.alarms(shifted(embeddings, generator), levels, lengths)[:, 2]
        powers.append(torch.stack([louder, longer, other]).double().mean(1))
        *tested, names = drawn(*TESTED, between, tail, generator)
        hits = known.alarms(*tested).any(1)
        intervals.append(share_interval(hits, names))
    truth = zip(intervals, shares, strict=True)
    held = sum(one.low <= share <= one.high for one, share in truth) / models
    total = torch.tensor(shares)
    return [
        float(total.mean()),
        float((total > 2 * FALSE_ALARMS).double().mean()),
        *torch.stack(wrong).mean(0).tolist(),
        *torch.stack(powers).mean(0).tolist(),
        held,
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=400)
    models = parser.parse_args().models
    heads = "groups clips between tail | wrong >10% level length embed"
    print(f"{heads} | louder longer other | interval")
    for size, between, tail in product(SIZES, BETWEEN, TAILS):
        generator = torch.Generator().manual_seed(0)
        shares = row((*size, between, tail), models, generator)
        cells = " ".join(f"{100 * one:5.1f}" for one in shares)
        print(*size, between, tail, "|", cells, flush=True)


if __name__ == "__main__":
    main()
