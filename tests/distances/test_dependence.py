from itertools import product

import pytest
import torch

from crossemo.distances.cells import Cell
from crossemo.distances.dependence import dependence_test
from crossemo.distances.kernel import linear_sums
from tests.distances.normals import normal


def domain(
    groups: list[str], seed: int, shifts: list[float], clips: int = 3
) -> list[Cell]:
    """Emotions whose means lie apart, and which are shifted along an axis."""
    voices = normal(len(groups), 5, seed)
    rows = [row for row in range(len(groups)) for _ in range(clips)]
    cells = []
    for emotion, shift in enumerate(shifts):
        x = voices[rows] + normal(len(rows), 5, 7000 + 10 * seed + emotion)
        x[:, 0] += 2 * emotion
        x[:, 1] += shift
        cells.append(Cell(x, tuple(groups[row] for row in rows)))
    return cells


def names(start: int, stop: int) -> list[str]:
    return [f"{number:02}" for number in range(start, stop)]


SIDES = {
    "shared": (names(0, 6), names(0, 6)),
    "separate": (names(0, 6), names(6, 15)),
    "partly": (names(0, 6), names(3, 9)),
}


@pytest.mark.parametrize("sides", SIDES)
def test_a_difference_that_is_the_same_raises_no_alarm(sides: str) -> None:
    alarms = 0
    for seed in range(0, 400, 2):
        x, y = SIDES[sides]
        xs = domain(x, seed, [0.0] * 4)
        ys = domain(y, seed + 1, [1.0] * 4)
        alarms += dependence_test(xs, ys, 99, seed)[1] <= 0.05
    assert alarms <= 21  # 99.9 % of what 200 tests at 5 % give


def test_a_rare_emotion_counts_with_as_many_clips_as_the_others() -> None:
    """One of three clips of each actor; of the other emotion two are not looked at."""
    groups = names(0, 5)
    xs, ys = domain(groups, 0, [0.0, 1.0]), domain(groups, 1, [0.5, 0.0])
    first = [row for row in range(15) if row % 3 == 0]
    few = [
        Cell(c.embeddings[first], tuple(c.groups[row] for row in first))
        for c in (xs[0], ys[0])
    ]
    # Were all clips looked at, it would matter what the others are.
    statistic, _ = dependence_test([few[0], xs[1]], [few[1], ys[1]], 9)
    unchanged = []
    for row in range(15):
        other = xs[1].embeddings.clone()
        other[row] += 100
        cells = [few[0], Cell(other, xs[1].groups)]
        again, _ = dependence_test(cells, [few[1], ys[1]], 9)
        unchanged.append(again == statistic)
    assert sum(unchanged) == 10  # of three clips of each of five actors, one counts


def test_songs_of_one_emotion_each_are_bundled() -> None:
    x, y = (
        [
            Cell(
                normal(30, 4, 10 * part + emotion) + 2.0 * (part == emotion == 1),
                tuple(f"{part} {emotion} {number}" for number in range(30)),
            )
            for emotion in range(3)
        ]
        for part in (0, 1)
    )
    assert dependence_test(x, y, 199)[1] == 1 / 200


@pytest.mark.parametrize("sides", SIDES)
def test_one_emotion_that_differs_is_seen(sides: str) -> None:
    x, y = SIDES[sides]
    xs, ys = domain(x, 0, [0.0] * 4), domain(y, 1, [0.0, 0.0, 6.0, 0.0])
    assert dependence_test(xs, ys, 199)[1] == 1 / 200


def test_the_statistic_is_the_variance_of_distances_of_means() -> None:
    groups = names(0, 5)
    xs, ys = domain(groups, 0, [0.0, 1.0, 2.0]), domain(groups, 1, [0.5, 0.0, 0.0])
    sums = linear_sums([*xs, *ys])
    distances = torch.stack([sums.distance(n, 3 + n) for n in range(3)])
    statistic, _ = dependence_test(xs, ys, 9)
    assert statistic == pytest.approx(distances.var().item())


def test_all_orders_of_two_bundles_give_the_exact_p() -> None:
    """Of two emotions and three actors, 8 orders, each with its mirror image."""
    groups = names(0, 3)
    xs, ys = domain(groups, 0, [0.0, 0.0]), domain(groups, 1, [0.3, 1.5])
    d = torch.stack([
        x.embeddings.view(3, 3, 5).mean(1) - y.embeddings.view(3, 3, 5).mean(1)
        for x, y in zip(xs, ys, strict=True)
    ])  # fmt: skip
    values = []
    for swaps in product((0, 1), repeat=3):
        one = torch.stack([d[swap, actor] for actor, swap in enumerate(swaps)])
        two = torch.stack([d[1 - swap, actor] for actor, swap in enumerate(swaps)])
        lengths = [(a.sum(0).square().sum() - a.square().sum()) / 6 for a in (one, two)]
        values.append(torch.stack(lengths).var())
    exact = float((torch.stack(values) >= values[0] - 1e-12).double().mean())
    _, p = dependence_test(xs, ys, 20000)
    assert p == pytest.approx(exact, abs=0.015)


def test_without_two_groups_or_emotions_there_is_no_test() -> None:
    xs, ys = domain(["a"], 0, [0.0, 1.0]), domain(["a"], 1, [0.0, 1.0])
    assert dependence_test(xs, ys, 9)[1] != dependence_test(xs, ys, 9)[1]  # NaN
    xs, ys = domain(names(0, 4), 0, [0.0]), domain(names(0, 4), 1, [0.0])
    assert dependence_test(xs, ys, 9)[1] != dependence_test(xs, ys, 9)[1]
    # An actor without an emotion is left out of it; one is too few.
    xs, ys = domain(names(0, 2), 0, [0.0] * 2), domain(names(0, 2), 1, [0.0] * 2)
    rows = [group == "00" for group in xs[0].groups]
    xs[0] = Cell(xs[0].embeddings[rows], ("00",) * 3)
    assert dependence_test(xs, ys, 9)[1] != dependence_test(xs, ys, 9)[1]
