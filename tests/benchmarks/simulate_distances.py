"""How often tests of distances raise false alarms, and intervals hold the truth.

Run `python -m tests.benchmarks.simulate_distances [--runs R] [--part PART]`. Parts are
`shared` and `separate` (actors, 64 features), `loud` (actors whose clips vary
unequally), `wide` (768 features) and `emotions`; each takes ten to thirty minutes on
one thread. Tables are of shares in per cent, ± one standard error.

Clips are normal with variances k^-1.5. An actor differs from others as much as the
clips of one actor do from each other; half of that is common to both domains where
actors are shared. Distances are in units of the population's trace. The truth of a
Fréchet distance between normals whose covariances share their axes is
$|m|^2 + \\sum (s_x - s_y)^2$; that of the kernel distance is a product over features.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from math import isnan
from statistics import fmean, stdev

import torch
from torch import Tensor

from crossemo.distances.cells import Cell
from crossemo.similarity.estimators import (
    Comparison,
    Layer,
    fad_above_chance,
    kernel_distance,
)
from crossemo.similarity.measures import bias_rows
from crossemo.similarity.settings import Settings
from crossemo.similarity.tables import Table

NOMINAL = 0.05
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful")
LOUD = 0.7  # standard deviation of the logarithm of an actor's loudness

Outcomes = Iterator[tuple[str, float]]


@dataclass(frozen=True)
class Design:
    """Who says and who sings, and how many clips each.

    Args:
        actors: Actors in either domain.
        shared: Whether they are the same.
        clips: Clips of each actor in the first and in the second domain.
        width: Features.
        loud: Whether some actors' clips vary more than others'.
    """

    actors: int
    shared: bool = True
    clips: tuple[int, int] = (4, 4)
    width: int = 64
    loud: bool = False

    @property
    def name(self) -> str:
        actors = f"{self.actors} shared" if self.shared else f"{self.actors} + others"
        loud = ", loud" if self.loud else ""
        return f"{actors}, {self.clips[0]} and {self.clips[1]} clips{loud}"


@dataclass(frozen=True)
class Truth:
    """What sets the second domain apart.

    Args:
        name: Its name.
        shift: In standard deviations of each feature.
        scale: Factor of all standard deviations.
        turned: Whether the first two axes are exchanged.
    """

    name: str
    shift: float = 0.0
    scale: float = 1.0
    turned: bool = False

    def deviations(self, sd: Tensor) -> Tensor:
        """Return the standard deviations of the second domain."""
        order = [1, 0] if self.turned else [0, 1]
        return self.scale * torch.cat((sd[order], sd[2:]))

    def terms(self, sd: Tensor) -> tuple[float, float]:
        """Return both terms of the Fréchet distance over the mean trace."""
        mean = self.shift**2 * float(sd.square().sum())
        spread = float((sd - self.deviations(sd)).square().sum())
        return mean / self.trace(sd), spread / self.trace(sd)

    def trace(self, sd: Tensor) -> float:
        """Return the mean trace of the two domains."""
        return float((sd.square().sum() + self.deviations(sd).square().sum()) / 2)

    def kernel(self, clips: "Clips", bandwidth: float) -> float:
        """Return the kernel distance, a mean over the loudness of two actors."""
        one, two = clips.loudness_of_two
        sd, other = (2**0.5 * s for s in (clips.noise, self.deviations(clips.noise)))

        def mean(a: Tensor, b: Tensor, shift: float) -> Tensor:
            wide = bandwidth**2 + (one * a) ** 2 + (two * b) ** 2
            narrow = (bandwidth**2 / wide).sqrt()
            gap = torch.exp(-((shift * clips.sd) ** 2) / (2 * wide))
            products: Tensor = (narrow * gap).prod(1)
            return products.mean()

        within = mean(sd, sd, 0) + mean(other, other, 0)
        return float(within - 2 * mean(sd, other, self.shift))


NULL = Truth("null")
TRUTHS = (
    NULL,
    Truth("shift .1", shift=0.1**0.5),
    Truth("shift .3", shift=0.3**0.5),
    Truth("scale 1.4", scale=1.4),
    Truth("rotation", turned=True),
)
ACTORS = (4, 6, 8, 12, 24)
WIDE = (
    (Design(12, width=768), NULL),
    (Design(12, width=768), TRUTHS[1]),
    (Design(24, clips=(8, 8), width=768), TRUTHS[3]),
    (Design(10, shared=False, clips=(8, 4), width=768), NULL),
)


class Clips:
    """A source of clips of some actors in two domains."""

    def __init__(self, design: Design, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._design = design
        actors = design.actors * (1 if design.shared else 2)
        self._voices = self._normal(actors), self._normal(actors), self._normal(actors)
        loudness = LOUD * torch.randn(actors, generator=self._generator).double()
        self._loudness = loudness.exp() if design.loud else torch.ones(actors).double()
        self.noise = torch.arange(1, design.width + 1).double() ** -0.75
        power = torch.tensor(2 * LOUD**2).exp() if design.loud else 1
        self.sd = self.noise * (2 * power) ** 0.5
        many = torch.randn(2, 4000, 1, generator=torch.Generator().manual_seed(0))
        ones = torch.ones(2, 1, 1)
        self.loudness_of_two = ((LOUD * many).exp() if design.loud else ones).double()

    def cell(self, domain: int, truth: Truth, clips: int | None = None) -> Cell:
        count = clips or self._design.clips[domain]
        first = 0 if self._design.shared else domain * self._design.actors
        actors = range(first, first + self._design.actors)
        rows = [actor for actor in actors for _ in range(count)]
        common, *alone = self._voices
        voices = (common + alone[domain])[rows] * 0.5**0.5
        x = (voices + self._normal(len(rows))) * self._loudness[rows, None]
        x = x * (truth.deviations(self.noise) if domain else self.noise)
        shift = truth.shift * self.sd if domain else torch.zeros(())
        return Cell(x + shift, tuple(f"{row:02}" for row in rows))

    def _normal(self, n: int) -> Tensor:
        shape = (n, self._design.width)
        return torch.randn(shape, generator=self._generator, dtype=torch.float64)


def of_pair(design: Design, truth: Truth, seed: int) -> Outcomes:
    """Yield what tests and intervals of one pair of cells say."""
    clips = Clips(design, seed)
    xs, ys = [clips.cell(0, NULL)], [clips.cell(1, truth)]
    settings = Settings(permutations=199, fad_permutations=99, seed=seed)
    comparison = Comparison(Layer(xs, ys, settings), 0, 1)
    tables = fad_above_chance.estimate(comparison)
    kernel = kernel_distance.estimate(comparison)["kernel"]
    mean, spread = truth.terms(clips.sd)
    trace = truth.trace(clips.sd)
    truths = dict(zip(tables, (mean + spread, mean, spread), strict=True))
    for name, table in tables.items():
        short = {"fad_above_chance": "FAD", "fad_mean_above_chance": "mean"}
        assert table.by_trace is not None
        of = short.get(name, "covariance")
        yield from _outcomes(of, table, truths[name] * trace)
        yield f"{of}, bias", 100 * (float(table.value) / trace - truths[name])
        yield f"{of}/trace, covers", _covers(table.by_trace, truths[name])
    bandwidth = comparison.layer.kernel_sums.bandwidth
    assert bandwidth is not None
    yield from _outcomes("kernel", kernel, truth.kernel(clips, bandwidth))


def _outcomes(name: str, table: Table, true: float) -> Outcomes:
    assert table.p is not None
    assert table.low is not None
    yield f"{name}, p ≤ .05", float(table.p <= NOMINAL)
    yield f"{name}, covers", _covers(table, true)
    yield f"{name}, begins > 0", float(table.low > 0)


def _covers(table: Table, true: float) -> float:
    assert table.low is not None
    assert table.high is not None
    return float(table.low <= true <= table.high)


def of_emotions(design: Design, truths: list[Truth], seed: int) -> Outcomes:
    """Yield what is said of how unequal the distances of six emotions are.

    Neutral has half as many clips as the others.
    """
    clips = Clips(design, seed)
    counts = [max(2, design.clips[0] // 2)] + 5 * [design.clips[0]]
    xs = [clips.cell(0, NULL, count) for count in counts]
    ys = [clips.cell(1, *one) for one in zip(truths, counts, strict=True)]
    layer = Layer(xs, ys, Settings(permutations=199, seed=seed))
    distances = torch.tensor([truth.terms(clips.sd)[0] for truth in truths])
    true = float(distances.var())
    for row in bias_rows(layer, torch.arange(len(EMOTIONS))):
        name = f"{row['estimator'].split('_')[0]}, {row['measure'].split('_')[1]}"
        if name == "fad, dependence":
            yield f"{name}, p ≤ .05", float(row["p"] <= NOMINAL)
        elif row["measure"] == "emotion_variance" and not isnan(row["low"]):
            yield f"{name}, begins > 0", float(row["low"] > 0)
            if name.startswith("fad"):
                yield f"{name}, covers", float(row["low"] <= true <= row["high"])
                yield f"{name}, bias", 100 * (row["value"] - true)


def summary(outcomes: Outcomes) -> dict[str, str]:
    """Return the mean of every name, in per cent, with its standard error."""
    values = defaultdict(list)
    for name, value in outcomes:
        values[name].append(value)
    return {
        name: f"{_percent(name) * fmean(of):.1f} ± "
        f"{_percent(name) * stdev(of) / len(of) ** 0.5:.1f}"
        for name, of in values.items()
    }


def _percent(name: str) -> int:
    return 1 if name.endswith("bias") else 100  # a bias comes in per cent


def print_table(rows: Sequence[Mapping[str, str]]) -> None:
    names = list(dict.fromkeys(chain.from_iterable(rows)))
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(row.get(name, "") for name in names) + " |")
    print(flush=True)


def distances(designs: list[tuple[Design, Truth]], runs: int) -> None:
    rows = []
    for design, truth in designs:
        outcomes = chain.from_iterable(of_pair(design, truth, n) for n in range(runs))
        rows.append({"truth": truth.name, "actors": design.name} | summary(outcomes))
        print(*rows[-1].values(), sep=" | ", file=sys.stderr, flush=True)
    print_table(rows)


def emotions(runs: int) -> None:
    alike, apart = [NULL] * 6, [Truth("", shift=0.3**0.5)] * 6
    one = [*alike[:2], Truth("", shift=0.36**0.5), *alike[3:]]
    two = [*apart[:2], Truth("", shift=1.0), *apart[3:]]
    names = ("all alike", "all apart", "one apart", "one farther")
    cases = list(zip(names, (alike, apart, one, two), strict=True))
    designs = [Design(actors) for actors in ACTORS]
    designs += [Design(actors, shared=False) for actors in (6, 12)]
    rows: list[Mapping[str, str]] = []
    for (name, truths), design in product(cases, designs):
        outcomes = chain.from_iterable(
            of_emotions(design, truths, n) for n in range(runs)
        )
        rows.append({"emotions": name, "actors": design.name} | summary(outcomes))
        print(*rows[-1].values(), sep=" | ", file=sys.stderr, flush=True)
    print_table(rows)


def designs_of(shared: bool) -> list[tuple[Design, Truth]]:
    """Return the cells of one part."""
    plain = [Design(actors, shared) for actors in ACTORS]
    unequal = [Design(actors, shared, (8, 4)) for actors in ACTORS]
    return [
        *((design, truth) for truth in TRUTHS for design in plain),
        *((design, truth) for truth in (NULL, TRUTHS[2]) for design in unequal),
    ]


def loud_designs() -> list[tuple[Design, Truth]]:
    """Return those of actors whose clips vary unequally."""
    sides = (True, False)
    designs = [Design(actors, side, loud=True) for side in sides for actors in ACTORS]
    return [(design, truth) for truth in (NULL, TRUTHS[2]) for design in designs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parts = ("shared", "separate", "loud", "wide", "emotions")
    parser.add_argument("--part", choices=parts)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for part in parts if arguments.part is None else (arguments.part,):
        print(f"\n{part}, {arguments.runs} runs a cell\n")
        if part == "emotions":
            emotions(arguments.runs)
        elif part == "wide":
            distances(list(WIDE), arguments.runs)
        elif part == "loud":
            distances(loud_designs(), arguments.runs)
        else:
            distances(designs_of(part == "shared"), arguments.runs)


if __name__ == "__main__":
    main()
