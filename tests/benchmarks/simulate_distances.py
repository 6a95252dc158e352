"""How often tests of distances raise false alarms, and intervals hold the truth.

Run `python -m tests.benchmarks.simulate_distances [--runs R] [--part PART]`; it takes
ten minutes on one thread. Tables are of shares in per cent, ± one standard error.

Clips are normal with variances k^-1.5, 64 features wide. FAD is in units of the
population's trace. Its truth between normals whose covariances share their axes is
$|m|^2 + \\sum (s_x - s_y)^2$; that of the kernel distance is a product over features.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from statistics import fmean, stdev

import torch
from torch import Tensor

from crossemo.distances.cells import Cell
from crossemo.distances.frechet import mean_trace
from crossemo.distances.kernel import kernel_sums
from crossemo.similarity.estimators import (
    Comparison,
    Layer,
    fad,
    fad_above_chance,
    kernel_distance,
)
from crossemo.similarity.measures import measures
from crossemo.similarity.settings import Settings

WIDTH = 64
SPREAD = torch.arange(1, WIDTH + 1).double() ** -0.75
NOMINAL = 0.05
VOICES = (1.0, 0.0)  # an actor's standard deviation, in those of clips
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful")

Outcomes = Iterator[tuple[str, float]]


@dataclass(frozen=True)
class Design:
    """Who says and who sings, and how many clips each."""

    name: str
    x: range
    y: range
    x_clips: int = 8
    y_clips: int = 8


@dataclass(frozen=True)
class Truth:
    """What sets the second domain apart, in standard deviations of each feature."""

    name: str
    shift: float = 0.0
    scale: float = 1.0

    @property
    def fad(self) -> float:
        return self.shift**2 + (self.scale - 1) ** 2

    def kernel(self, sd: Tensor, bandwidth: float) -> float:
        def mean(a: Tensor, b: Tensor, shift: float) -> Tensor:
            wide = bandwidth**2 + a**2 + b**2
            narrow = (bandwidth**2 / wide).sqrt()
            return (narrow * torch.exp(-((shift * sd) ** 2) / (2 * wide))).prod()

        x, y = sd, sd * self.scale
        return float(mean(x, x, 0) + mean(y, y, 0) - 2 * mean(x, y, self.shift))


DESIGNS = (
    Design("24 shared", range(24), range(24)),
    Design("24 and 23 of them", range(24), range(23)),
    Design("24 and 24 others", range(24), range(24, 48)),
    Design("24 and 24, 12 shared", range(24), range(12, 36)),
    Design("8 shared", range(8), range(8)),
    Design("4 shared", range(4), range(4)),
    Design("24 shared, 4 clips", range(24), range(24), 4, 4),
    Design("24 shared, 8 and 4 clips", range(24), range(24), 8, 4),
    Design("24 and 24 others, 8 and 4", range(24), range(24, 48), 8, 4),
)
TRUTHS = (Truth("null"), Truth("shift", shift=0.3), Truth("scale", scale=1.3))
NULL = TRUTHS[0]


class Clips:
    """A source of clips of 48 actors."""

    def __init__(self, voice: float, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._voices = voice * self._normal(48)
        self.sd = SPREAD * (1 + voice**2) ** 0.5

    def cell(self, actors: range, clips: int, truth: Truth) -> Cell:
        rows = [actor for actor in actors for _ in range(clips)]
        x = (self._voices[rows] + self._normal(len(rows))) * SPREAD * truth.scale
        return Cell(x + truth.shift * self.sd, tuple(f"{row:02}" for row in rows))

    def _normal(self, n: int) -> Tensor:
        return torch.randn(n, WIDTH, generator=self._generator, dtype=torch.float64)


def pair_of(
    design: Design, voice: float, truth: Truth, seed: int
) -> tuple[Clips, list[Cell], list[Cell]]:
    clips = Clips(voice, seed)
    x = clips.cell(design.x, design.x_clips, NULL)
    return clips, [x], [clips.cell(design.y, design.y_clips, truth)]


def between(xs: list[Cell], ys: list[Cell], settings: Settings) -> Comparison:
    layer = Layer([*xs, *ys])
    return Comparison(xs, ys, layer, (0, len(xs)), settings)


def by_kernel(design: Design, voice: float, truth: Truth, seed: int) -> Outcomes:
    clips, xs, ys = pair_of(design, voice, truth, seed)
    sums = kernel_sums([*xs, *ys])
    settings = Settings(permutations=199, seed=seed)
    table = kernel_distance.estimate(between(xs, ys, settings))["kernel"]
    assert table.p is not None
    assert table.low is not None
    assert table.high is not None
    true = truth.kernel(clips.sd, sums.bandwidth)
    yield "kernel, p by actor", float(table.p <= NOMINAL)
    yield "kernel, bias", 100 * (float(table.value) - true)
    yield "kernel, covers", float(table.low <= true <= table.high)


def by_clip(design: Design, voice: float, seed: int) -> Outcomes:
    _, *domains = pair_of(design, voice, NULL, seed)
    xs, ys = (
        [Cell(one.embeddings, tuple(f"{name}{row}" for row in range(len(one))))]
        for name, (one,) in zip("xy", domains, strict=True)
    )
    settings = Settings(permutations=199, intervals=False, seed=seed)
    table = kernel_distance.estimate(between(xs, ys, settings))["kernel"]
    assert table.p is not None
    yield "kernel, p by clip", float(table.p <= NOMINAL)


def by_fad_exchanges(design: Design, voice: float, seed: int) -> Outcomes:
    _, xs, ys = pair_of(design, voice, NULL, seed)
    settings = Settings(fad_permutations=39, seed=seed)
    table = fad.estimate(between(xs, ys, settings))["fad"]
    assert table.p is not None
    yield "fad, p by actor", float(table.p <= NOMINAL)


def by_fad(design: Design, voice: float, truth: Truth, seed: int) -> Outcomes:
    clips, xs, ys = pair_of(design, voice, truth, seed)
    tables = fad_above_chance.estimate(between(xs, ys, Settings(seed=seed)))
    above, trace = tables["fad_above_chance"], float(clips.sd.square().sum())
    assert above.low is not None
    assert above.high is not None
    true = truth.fad * trace
    yield "fad above chance, bias", 100 * (float(above.value) - true) / trace
    yield "fad above chance, covers", float(above.low <= true <= above.high)


def by_emotion(x_truths: list[Truth], y_truths: list[Truth], seed: int) -> Outcomes:
    clips = Clips(1.0, seed)
    counts = [4] + 5 * [8]  # clips of each actor; RAVDESS has half as many neutral
    xs, ys = (
        [
            clips.cell(range(24), count, truth)
            for count, truth in zip(counts, truths, strict=True)
        ]
        for truths in (x_truths, y_truths)
    )
    settings = Settings(permutations=0, seed=seed)
    comparison = between(xs, ys, settings)
    tables = fad_above_chance.estimate(comparison)
    tables |= kernel_distance.estimate(comparison)
    scale = mean_trace([cell.embeddings for cell in (*xs, *ys)])
    for row in measures(tables, EMOTIONS, scale, settings):
        name = f"{row['estimator']}, {row['measure']}"
        if row["measure"] == "emotion_bias":
            yield f"{name} begins above 0", float(row["low"] > 0)
        elif row["measure"] in ("nearest_emotion", "same_emotion_gap"):
            yield f"{name} p ≤ .05", float(row["p"] <= NOMINAL)


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


def print_table(rows: list[Mapping[str, str]]) -> None:
    names = list(dict.fromkeys(chain.from_iterable(rows)))
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(row.get(name, "") for name in names) + " |")
    print(flush=True)


def distances(runs: int) -> None:
    for voice in VOICES:
        rows: list[Mapping[str, str]] = []
        few, fewest = (runs // 2, runs // 4) if voice else (runs // 4, runs // 8)
        for truth, design in ((one, of) for one in TRUTHS for of in DESIGNS):
            if truth != NULL and not voice:
                continue
            many = runs if truth == NULL and voice else runs // 2
            trials = [by_kernel(design, voice, truth, seed) for seed in range(many)]
            trials += [by_fad(design, voice, truth, seed) for seed in range(fewest)]
            if truth == NULL:
                trials += [by_clip(design, voice, seed) for seed in range(many)]
                trials += [by_fad_exchanges(design, voice, n) for n in range(few)]
            names = {"truth": truth.name, "actors": design.name}
            rows.append(names | summary(chain.from_iterable(trials)))
        print(f"Actors differ {voice:g} times as much as their clips do.\n")
        print_table(rows)


def emotions(runs: int) -> None:
    alike, apart, far = [NULL] * 6, [TRUTHS[1]] * 6, Truth("far", shift=0.6)
    one = [NULL, NULL, far, NULL, NULL, NULL]
    rows: list[Mapping[str, str]] = []
    for name, x, y in (
        ("all alike", alike, alike),
        ("all alike, domains apart", alike, apart),
        ("one differs in a domain", alike, one),
        ("one differs in both", one, one),
    ):
        outcomes = chain.from_iterable(by_emotion(x, y, seed) for seed in range(runs))
        rows.append({"emotions": name} | summary(outcomes))
    print_table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--part", choices=("distances", "emotions"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.part != "emotions":
        distances(arguments.runs)
    if arguments.part != "distances":
        emotions(arguments.runs // 8)


if __name__ == "__main__":
    main()
