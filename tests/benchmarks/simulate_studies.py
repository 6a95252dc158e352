"""How often paired tests of stages raise false alarms, and intervals hold the truth.

Run `python -m tests.benchmarks.simulate_studies [--studies N]`; it takes some four
minutes on one thread. Shares are in per cent, ± one standard error.

A study has the stages of `configs/stages/gain.yaml` and a joint one in runs of its own,
on a source and a target, over all folds and some seeds. Every stage recognises each
clip with a probability that is the sum of a speaker's (all stages find the same
speakers' emotions hard), a clip's (so with clips), the stage's own with that speaker,
and luck: of its training, thus of all clips of a fold and seed, and of that training
with each emotion, twice as large. Nothing tells stages apart in the population, so
that every p at or below 0.05 is a false alarm. Classes are unbalanced, and speakers
differ in their number of clips.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from crossemo.metrics.measure import Measure
from crossemo.metrics.recognition import unweighted_recall
from crossemo.stages.stage import Stage
from crossemo.studies.crossvalidation import Condition, pooled_interval
from crossemo.studies.paired_tests import compare, test_rows
from crossemo.studies.recorded_runs import RecordedRun, RecordedStage
from crossemo.studies.run_facts import RunFacts
from crossemo.studies.run_folders import RunFolder
from crossemo.studies.tallies import Tally, pool
from crossemo.tasks.classes import Classes

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful")
CLIPS = torch.tensor([4, 8, 8, 8, 8, 6])  # of a speaker, halved or raised by a half
SPEAKER, CLIP, ALONE = 0.10, 0.20, 0.05  # standard deviations of probabilities
LUCK = (0.0, 0.04)
PLANS = {
    "gain": {
        "target_only": Stage(data=["target"]),
        "source": Stage(data=["source"], start_from="scratch"),
        "target": Stage(data=["target"]),
    },
    "joint": {"joint": Stage(data=["source", "target"])},
}
ROLES = ("source", "target")
# Speakers of each fold, seeds, and mean probability of recognising a clip.
DESIGNS = (
    ((1, 1, 1, 1), 1, 0.5),
    ((1, 1, 1, 1), 2, 0.8),
    ((2, 2, 2, 1, 1, 1), 1, 0.8),
    ((2, 2, 2, 2, 2, 2), 2, 0.5),
    ((3, 3, 3), 1, 0.5),
    ((4, 4, 4, 4, 4, 4), 1, 0.5),
    ((4, 4, 4, 4, 4, 4), 2, 0.8),
    ((6, 6, 6, 6), 2, 0.5),
    ((6, 2, 2, 2, 1, 1), 1, 0.5),
    ((12, 6, 3, 3), 1, 0.8),
)


class Shown(Classes):
    """Classes with the scores alone that are counted here."""

    def measures(self) -> dict[str, Measure]:
        """Return UA and the recalls."""
        every = super().measures()
        return {n: one for n, one in every.items() if n not in ("WA", "macro_F1")}


@dataclass
class Population:
    """The clips of a study, and how its stages recognise them.

    Args:
        folds: Number of speakers of each fold.
        luck: Standard deviation of the luck of a training.
        middle: Mean probability of recognising a clip.
        generator: Draws everything.
    """

    folds: Sequence[int]
    luck: float
    middle: float
    generator: torch.Generator
    task: Classes = field(default_factory=lambda: Shown.of_outputs(EMOTIONS))

    def __post_init__(self) -> None:
        self.speakers = sum(self.folds)
        sizes = torch.tensor(self.folds)
        self.fold = torch.arange(len(self.folds)).repeat_interleave(sizes)
        self.clips = {role: self._clips() for role in ROLES}

    def normal(self, *shape: int) -> Tensor:
        """Return normal numbers."""
        return torch.randn(*shape, generator=self.generator)

    def _clips(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return speaker, label and probability of each clip of a role."""
        share = 0.5 + torch.rand(self.speakers, 1, generator=self.generator)
        counts = (CLIPS * share).round().long().clamp(min=1).flatten()
        cell = torch.arange(len(counts)).repeat_interleave(counts)
        speaker, label = cell // len(EMOTIONS), cell % len(EMOTIONS)
        of_cell = self.middle + SPEAKER * self.normal(len(counts))
        return speaker, label, of_cell[cell] + CLIP * self.normal(len(cell))

    def tallies(self, role: str, seeds: int) -> list[Tensor]:
        """Return a stage's sums `(speakers, classes, classes)` for every seed."""
        speaker, label, share = self.clips[role]
        alone = ALONE * self.normal(self.speakers, len(EMOTIONS))[speaker, label]
        sums = []
        for _ in range(seeds):
            training = self.luck * self.normal(len(self.folds), 1)
            training = training + 2 * self.luck * self.normal(
                len(self.folds), len(EMOTIONS)
            )
            known = share + alone + training[self.fold[speaker], label]
            right = torch.rand(len(label), generator=self.generator) < known
            other = torch.randint(
                1, len(EMOTIONS), (len(label),), generator=self.generator
            )
            said = torch.where(right, label, (label + other) % len(EMOTIONS))
            sums.append(self.task.tally(said, label, speaker, self.speakers))
        return sums

    @property
    def truth(self) -> float:
        """The mean probability, which lies between 0 and 1."""
        generator = torch.Generator().manual_seed(0)
        spread = (SPEAKER**2 + CLIP**2 + ALONE**2 + 5 * self.luck**2) ** 0.5
        draws = torch.randn(1_000_000, generator=generator)
        return float((self.middle + spread * draws).clamp(0, 1).mean())


def conditions(population: Population, seeds: int) -> list[Condition]:
    """Return the conditions of one study."""
    made = []
    for name, plan in PLANS.items():
        sums = {
            (stage, role): population.tallies(role, seeds)
            for stage, role in product(plan, ROLES)
        }
        runs, tallies = [], []
        for seed, fold in product(range(seeds), range(len(population.folds))):
            runs.append(_run(population.task, plan, name, fold, seed))
            of_fold = (population.fold == fold).nonzero().flatten()
            units = tuple(f"{number:02d}" for number in of_fold.tolist())
            tallies.append(
                {
                    place: Tally(
                        units, one[seed][of_fold], int(one[seed][of_fold].sum())
                    )
                    for place, one in sums.items()
                }
            )
        made.append(Condition(runs, tallies))
    return made


def _run(
    task: Classes, plan: dict[str, Stage], name: str, fold: int, seed: int
) -> RecordedRun:
    from pandas import DataFrame

    names = ("encoder", "strategy", "source", "target", "task")
    columns = dict.fromkeys(names, "") | {"fold": fold, "seed": seed}
    facts = RunFacts("stages", columns, name, "", "", {}, "target", "", task)
    place = RunFolder(f"{name}{fold}{seed}", "", Path(), "done")
    stages = {stage: RecordedStage(one) for stage, one in plan.items()}
    nothing = DataFrame()
    return RecordedRun(place, facts, stages, (), nothing, nothing)


def simulate(
    folds: Sequence[int], seeds: int, luck: float, middle: float, studies: int
) -> dict[str, Tensor]:
    """Return shares of studies by kind of table: false alarms, and truths held.

    Returns:
        By name `(studies,)`: the share of a study's tests with p ≤ 0.05, or of its
        intervals that hold the truth.
    """
    generator = torch.Generator().manual_seed(0)
    outcomes: dict[str, list[float]] = defaultdict(list)
    truth = None
    for _ in range(studies):
        population = Population(folds, luck, middle, generator)
        truth = truth or population.truth
        some = conditions(population, seeds)
        tables: dict[str, list[float]] = defaultdict(list)
        for row in test_rows(some):
            kind, _, emotion = row["score"].partition("/")
            if kind in ("UA", "recall"):
                table = f"{row['what']} of emotions" if emotion else row["what"]
                tables[table].append(float(row["p"] <= 0.05))
                inside = row["low"] <= 0 <= row["high"]
                tables["differences held"].append(float(inside))
        tables["gain, over units"].append(float(_over_units(some[0]) <= 0.05))
        for one, place in ((c, p) for c in some for p in c.places):
            low, high = pooled_interval(pool(one.at(place)), unweighted_recall)
            tables["UA held"].append(float(low <= truth <= high))
        for name, shares in tables.items():
            outcomes[name].append(sum(shares) / len(shares))
    return {name: torch.tensor(shares) for name, shares in outcomes.items()}


def _over_units(condition: Condition) -> float:
    """Return p of the gain, were units independent of one another."""
    before, after = (
        pool(condition.at((stage, "target"))) for stage in ("target_only", "target")
    )
    before, after = (
        replace(one, folds=one.units, fold_clips=torch.ones(one.n_units))
        for one in (before, after)
    )
    return float(compare(before, after, unweighted_recall)["p"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=400)
    studies = parser.parse_args().studies
    torch.set_num_threads(1)
    for (folds, seeds, middle), luck in product(DESIGNS, LUCK):
        outcomes = simulate(folds, seeds, luck, middle, studies)
        print(
            f"speakers {folds}, seeds {seeds}, mean {middle}, luck {luck}", flush=True
        )
        for name, shares in outcomes.items():
            error = float(shares.std()) / studies**0.5
            print(f"  {name:24} {100 * float(shares.mean()):5.1f} ± {100 * error:.1f}")


if __name__ == "__main__":
    main()
