"""Solved probes of all layers against scikit-learn one by one, as ratios of CPU time.

Run `python -m tests.benchmarks.bench_probes [--views N] [--cells C] [--superb]`; it
takes about ten minutes on one thread. Features are made up, of as many actors and
clips as RAVDESS has in six emotions (speech and song), in six folds: thirteen states of
width 768, a deep random net on correlated factors of speaker and emotion, whose
spectrum spans eight decades, and references of widths 3, 9, 14, 128 and 88.

* crossemo: the whole job in float64 and float32, ten penalties, true labels and three
  shuffles, the choice on validation, the last fit, and judgements across domains. With
  `--views N` the first N of the states are measured, and all are extrapolated to.
* scikit-learn: the same fits one after another, on cells (state, fold, domain) drawn at
  random: all penalties with the true labels and with one shuffle, which counts three
  times; extrapolated to all cells.
* products: as many float32 products of the clips, forth and back, as the solver took
  steps, for all penalties and variants of a cell at once, and nothing else.
"""

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from unittest.mock import patch

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from crossemo.probes import solved_classes
from crossemo.probes.clips import TEST, TRAIN, VAL, ProbedClips, shuffled_targets
from crossemo.probes.judgements import judge
from crossemo.probes.linear import PENALTIES, SolvedProtocol
from crossemo.probes.logistic import Solution, solve_logistic
from crossemo.probes.solved_classes import TOLERANCES, LogisticProbes, Precision
from crossemo.probes.superb import TrainedProtocol
from crossemo.probes.task import ProbeTask
from crossemo.probes.views import View
from crossemo.tasks.classes import Classes

STATES, WIDTH, FACTORS, FOLDS = 13, 768, 128, 6
REFERENCES = (3, 9, 14, 128, 88)
ACTORS = (range(24), [n for n in range(24) if n != 17])  # actor 18 has no song
EMOTIONS = (4, 8, 8, 8, 8, 8)  # clips of an actor
SHUFFLES = 3


def made_up() -> tuple[ProbedClips, list[Tensor]]:
    """Return clips that are names alone, and their features, of each view."""
    rows = [
        (role, actor, label)
        for role, actors in enumerate(ACTORS)
        for actor in actors
        for label, count in enumerate(EMOTIONS)
        for _ in range(count)
    ]
    role, actor, label = torch.tensor(rows).T
    place = (actor % FOLDS - torch.arange(FOLDS)[:, None]) % FOLDS
    parts = torch.where(place == 0, TEST, torch.where(place == 1, VAL, TRAIN))
    names = tuple(f"{n}" for n in range(len(rows)))
    groups = tuple(f"{n}" for n in actor.tolist())
    roles, task = ("speech", "song"), Classes.of_outputs(tuple("abcdef"))
    clips = ProbedClips(
        names, groups, names, role, label, parts, roles, task, ((1, 2), (3, 4, 5))
    )
    generator = torch.Generator().manual_seed(0)

    def factors(width: int) -> Tensor:
        of_clip = torch.randn(len(rows), width, generator=generator)
        of_label = 0.7 * torch.randn(2, 6, width, generator=generator)[role, label]
        of_actor = 1.5 * torch.randn(24, width, generator=generator)[actor]
        size = torch.arange(1, width + 1) ** -1.5
        values: Tensor = (of_clip + of_label + of_actor + role[:, None]) * size
        return values

    states, state = [], factors(FACTORS)
    for _ in range(STATES):
        weight = torch.randn(state.shape[1], WIDTH, generator=generator)
        state = torch.tanh(0.7 * state / state.std() @ weight / len(weight) ** 0.5)
        states.append(state)
    return clips, states + [factors(width) for width in REFERENCES]


def seconds_of(work: Callable[[], object]) -> float:
    # CPU time of one thread, since other work may share the machine's cores.
    start = time.process_time()
    work()
    return time.process_time() - start


@dataclass
class Counted:
    """The solver, which counts what it does.

    Attributes:
        steps: Steps of all problems by clips, width and number of problems of a call.
        seconds: CPU seconds in it.
        problems: How many it has solved.
    """

    steps: dict[tuple[int, int, int], int] = field(default_factory=dict)
    seconds: float = 0.0
    problems: int = 0

    def __call__(self, clips: Tensor, moments: Tensor, *rest: object) -> Solution:
        start = time.process_time()
        solution = solve_logistic(clips, moments, *rest)  # type: ignore[arg-type]
        self.seconds += time.process_time() - start
        shape = (*clips.shape, len(solution.steps))
        self.steps[shape] = self.steps.get(shape, 0) + int(solution.steps.sum())
        self.problems += len(solution.steps)
        return solution

    def products(self) -> float:
        """Return the CPU seconds of as many bare products in float32."""
        return sum(steps * _pair(*shape) for shape, steps in self.steps.items())


def _pair(count: int, width: int, problems: int) -> float:
    """Return the seconds of a problem's two products, among so many."""
    columns = problems * len(EMOTIONS)
    weights, clips = torch.randn(columns, width), torch.randn(count, width)
    residuals = torch.randn(columns, count)

    def pairs(times: int) -> None:
        for _ in range(times):
            _, _ = weights @ clips.T, residuals @ clips

    pairs(2)
    return seconds_of(lambda: pairs(8)) / 8 / problems


def whole_job(
    clips: ProbedClips, features: list[Tensor], precision: Precision
) -> tuple[float, Counted]:
    """Return CPU seconds of all that is done with some views, and the solver."""
    protocol, counted = SolvedProtocol(precision=precision), Counted()
    variants = protocol.variants(SHUFFLES)

    def work() -> None:
        chosen = []
        for role in range(2):
            task = ProbeTask(clips, role, [shuffle for _, shuffle in variants])
            probes = [protocol.probes(task, values) for values in features]
            for one, values in zip(probes, features, strict=True):
                one.learn(values)
            chosen.append([one.chosen() for one in probes])
            missed = sum(
                one.missed for one in probes if isinstance(one, LogisticProbes)
            )
            print(f"    missed the tolerance: {missed}")
        views = [View(f"{n}", "encoder", n) for n in range(len(features))]
        judge(chosen, protocol.fitted, features, views, clips, variants, {})

    with patch.object(solved_classes, "solve_logistic", counted):
        return seconds_of(work), counted


def scikit_learn(clips: ProbedClips, values: Tensor, role: int, fold: int) -> float:
    """Return the CPU seconds of all fits of a cell, one shuffle standing for three."""
    parts, features = clips.parts[fold], values.double().numpy()
    seconds = 0.0
    own = clips.roles == role
    both, train = own & (parts != TEST), own & (parts == TRAIN)
    for labels, times in ((clips.targets, 1), (shuffled_targets(clips, 0), SHUFFLES)):
        # The last fit has a penalty of its own; the middle one stands for it.
        fits = [(train, mu) for mu in PENALTIES] + [(both, PENALTIES[5])]
        for inside, mu in fits:
            x, y = features[inside.numpy()], labels[inside].numpy()
            strength = 1 / (mu * x.shape[1] * len(x))

            def work(x: np.ndarray = x, y: np.ndarray = y, c: float = strength) -> None:
                scaled = StandardScaler().fit_transform(x)
                options = {"tol": 1e-8, "max_iter": 100_000}
                model = LogisticRegression(C=c, class_weight="balanced", **options)
                model.fit(scaled, y)

            seconds += times * seconds_of(work)
    return seconds


def by_scikit_learn(
    clips: ProbedClips, features: list[Tensor], cells: int, states: int
) -> float:
    """Return the CPU seconds of all cells, extrapolated from some."""
    draw = random.Random(0)
    of_states = [
        scikit_learn(
            clips, features[draw.randrange(states)], n % 2, draw.randrange(FOLDS)
        )
        for n in range(cells)
    ]
    of_references = [
        scikit_learn(clips, values, role, draw.randrange(FOLDS))
        for values in features[states:]
        for role in range(2)
    ]
    print(
        f"  scikit-learn: {cells} cells of states, {len(of_references)} of references"
    )
    per_state = sum(of_states) / cells * 2 * FOLDS
    return STATES * per_state + FOLDS * sum(of_references)


def superb(clips: ProbedClips, values: Tensor) -> None:
    """Print how an epoch of SUPERB's probes compares with its products alone."""
    protocol = TrainedProtocol(seeds=(0,), rates=(1e-4, 1e-3, 1e-2))
    probes = protocol.probes(ProbeTask(clips, 0, [None, 0]), values)
    optimizer = protocol.optimizer([probes])

    def epoch() -> None:
        optimizer.zero_grad()
        probes.learn(values)
        optimizer.step()

    epoch()
    columns = FOLDS * 2 * len(protocol.rates) * protocol.hidden // len(EMOTIONS)
    count = len(probes.task.rows)
    products = columns * _pair(count, WIDTH, columns)
    print(
        f"superb: an epoch / its largest products: {seconds_of(epoch) / products:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=STATES, help="states measured")
    parser.add_argument("--cells", type=int, default=6, help="of scikit-learn's")
    parser.add_argument("--superb", action="store_true", help="an epoch of it as well")
    given = parser.parse_args()
    torch.set_num_threads(1)
    clips, features = made_up()
    features = features[: given.views] + features[STATES:]
    whole_job(clips, [features[-1]], "float32")  # warms up
    theirs = by_scikit_learn(clips, features, given.cells, given.views)
    print(f"  one after another, extrapolated: {theirs:.0f} s")
    for precision in TOLERANCES:
        states, counted = whole_job(clips, features[: given.views], precision)
        references, _ = whole_job(clips, features[given.views :], precision)
        ours = states * STATES / given.views + references
        steps = sum(counted.steps.values()) / counted.problems
        print(
            f"{precision}, {given.views} states measured: {ours:.0f} s; "
            f"scikit-learn / crossemo: {theirs / ours:.1f}"
        )
        print(
            f"  {counted.problems} problems of states, {steps:.0f} steps each; in "
            f"float32 products: solver {counted.seconds / counted.products():.2f}, "
            f"whole job {states / counted.products():.2f}"
        )
    if given.superb:
        superb(clips, features[0])


if __name__ == "__main__":
    main()
