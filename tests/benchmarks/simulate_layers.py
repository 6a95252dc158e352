"""How often paired tests of layers raise false alarms, and intervals hold the truth.

Run `python -m tests.benchmarks.simulate_layers [--runs R]`; it takes two minutes on one
thread. Tables are of shares in per cent, ± one standard error.

Two layers recognise each clip with probabilities that vary from actor to actor: a part
is the actor's (both layers find the same actors hard), another is the layer's own on
that actor. A third, the probe's luck, is that of all actors of a fold. Layers are equal
in the population, or the second is better by `gain`; all in points of UA.
"""

import argparse
from itertools import product

import torch
from torch import Tensor

from crossemo.layerwise.conditions import ConditionCounts
from crossemo.layerwise.pairs import compare_views
from crossemo.metrics.confusions import group_counts
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.recognition import unweighted_recall
from crossemo.tasks.classes import Classes

CLASSES = 6
CLIPS = 8  # of a class, by an actor
SHARED, ALONE = 0.10, 0.05  # standard deviations of recall over actors
MIDDLE = 0.5
LUCK = (0.0, 0.04)  # standard deviation of a probe over folds
CASTS = ((4, 4), (6, 6), (12, 6), (24, 6))  # actors, folds


def two_layers(
    actors: int, folds: int, gain: float, luck: float, generator: torch.Generator
) -> ConditionCounts:
    """Return the counts of two layers on all clips, the second better by `gain`."""
    fold = torch.arange(actors) % folds
    labels = torch.arange(CLASSES).repeat_interleave(CLIPS).repeat(actors)
    groups = torch.arange(actors).repeat_interleave(CLASSES * CLIPS)
    hard = SHARED * torch.randn(actors, CLASSES, generator=generator)
    rows = []
    for better in (0.0, gain):
        alone = ALONE * torch.randn(actors, CLASSES, generator=generator)
        of_fold = luck * torch.randn(folds, 1, generator=generator)[fold]
        recall = (MIDDLE + better + hard + alone + of_fold).clamp(0, 1)[groups, labels]
        right = torch.rand(len(labels), generator=generator) < recall
        other = torch.randint(1, CLASSES, (len(labels),), generator=generator)
        rows.append(torch.where(right, labels, (labels + other) % CLASSES))
    predictions = torch.stack(rows)[:, None]
    counts = group_counts(labels, predictions, groups, actors, CLASSES)
    names = tuple(f"{n}" for n in range(CLASSES))
    return ConditionCounts(counts, fold, labels, Classes.of_outputs(names))


def simulate(actors: int, folds: int, gain: float, luck: float, runs: int) -> Tensor:
    """Return `(runs, 3)`: p below 0.05, difference inside, score inside."""
    generator = torch.Generator().manual_seed(0)
    outcomes = []
    for _ in range(runs):
        counts = two_layers(actors, folds, gain, luck, generator)
        (row,) = compare_views(counts, [0], counts, [1])
        value = counts.scores(unweighted_recall).mean(-1)
        low, high = jackknife_interval(value, counts.replicates(unweighted_recall))
        inside = bool(low[0] <= MIDDLE <= high[0])
        outcomes.append((row["p"] < 0.05, row["low"] <= gain <= row["high"], inside))
    return torch.tensor(outcomes).double()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    print("actors  folds  gain  luck  p < 0.05  difference inside  score inside")
    for (actors, folds), gain, luck in product(CASTS, (0.0, 0.05), LUCK):
        shares = simulate(actors, folds, gain, luck, runs)
        cells = [
            f"{100 * s:.1f} ± {100 * (s * (1 - s) / runs) ** 0.5:.1f}"
            for s in shares.mean(0).tolist()
        ]
        design = f"{actors:6} {folds:6} {100 * gain:5.0f} {100 * luck:5.0f}  "
        print(design + "  ".join(cells))


if __name__ == "__main__":
    main()
