"""How often intervals of a concordance, and of a difference of two, hold the truth.

Run `python -m tests.benchmarks.simulate_values [--runs R]`; it takes half a minute on
one thread. Every row is a design of clips; the shares are in per cent.

Targets are normal with variance 1, a part of which is that of groups such as speakers
or songs. Predictions follow them with a slope, are shifted by 0.1, and have a bias of
their own in every group and noise in every clip. A second model on the same clips
follows them by 0.2 more, with the same bias and noise of its own.
"""

import argparse
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from crossemo.metrics.agreement import agreement, moments
from crossemo.metrics.jackknife import jackknife_interval

SIZES = ((3, 40), (5, 40), (10, 40), (24, 20), (60, 20), (60, 1), (400, 1))
MODELS = ((0.1, 0.2, 0.3), (0.5, 0.1, 0.4), (0.5, 0.3, 0.3), (0.8, 0.1, 0.2))
SHIFT = 0.1
BETTER = 0.2


@dataclass(frozen=True)
class Design:
    """Groups of clips and a model of them.

    Args:
        groups: Number of groups.
        clips: Clips of each.
        follow: Slope of the predictions over the targets.
        bias: Standard deviation of the predictions' bias over groups.
        noise: Standard deviation of their noise over clips.
        between: Share of the targets' variance that is of groups.
    """

    groups: int
    clips: int
    follow: float
    bias: float
    noise: float
    between: float = 0.1

    @property
    def truth(self) -> float:
        """The concordance in the population."""
        spread = self.follow**2 + self.bias**2 + self.noise**2
        return 2 * self.follow / (1 + spread + SHIFT**2)


def drawn(
    design: Design, sets: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the predictions of both models and the targets of some sets.

    Returns:
        `(sets, groups, clips)` each.
    """

    def normal(clips: int) -> Tensor:
        size = (sets, design.groups, clips)
        return torch.randn(size, generator=generator, dtype=torch.float64)

    within = (1 - design.between) ** 0.5 * normal(design.clips)
    targets = design.between**0.5 * normal(1) + within
    bias = design.bias * normal(1) + SHIFT
    first, second = (
        slope * targets + bias + design.noise * normal(design.clips)
        for slope in (design.follow, design.follow + BETTER)
    )
    return first, second, targets


def simulate(design: Design, outputs: int, runs: int) -> tuple[float, float]:
    """Return the shares of runs whose intervals of 95 % hold the truth.

    Of the first model's concordance, and of the second's less the first's.
    """
    generator = torch.Generator().manual_seed(0)
    *models, targets = drawn(design, runs * outputs, generator)
    scores = []
    for predictions in models:
        groups = moments(predictions, targets).sum(-2)
        groups = groups.view(runs, outputs, design.groups, 6)
        total = groups.sum(-2)
        without = (total[..., None, :] - groups).movedim(-2, 0)
        scores.append((agreement(total).mean(-1), agreement(without).mean(-1)))
    first, second = scores
    better = replace(design, follow=design.follow + BETTER)
    return (
        _share(*first, design.truth),
        _share(second[0] - first[0], second[1] - first[1], better.truth - design.truth),
    )


def _share(values: Tensor, replicates: Tensor, truth: float) -> float:
    low, high = jackknife_interval(values, replicates)
    return float(((low <= truth) & (truth <= high)).double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    print("outputs  groups  clips  CCC   bias  between  inside  difference inside")
    for outputs, size, model, between in product((1, 2), SIZES, MODELS, (0.1, 0.5)):
        design = Design(*size, *model, between)
        share, of_difference = (100 * s for s in simulate(design, outputs, runs))
        print(
            f"{outputs:7} {size[0]:7} {size[1]:6} {design.truth:6.2f} {model[1]:5.1f} "
            f"{between:7.1f} {share:8.1f} {of_difference:8.1f}"
        )


if __name__ == "__main__":
    main()
