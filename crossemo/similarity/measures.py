"""Measures of a hidden state, the rows of `similarity.csv`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from math import nan

import torch
from torch import Tensor

from crossemo.distances.dependence import dependence_test
from crossemo.distances.four_groups import (
    distance_products,
    distance_variance,
    variance_replicates,
)
from crossemo.distances.kernel import KernelSums
from crossemo.metrics.jackknife import root_interval
from crossemo.metrics.permutation import permutation_p
from crossemo.metrics.student import student_quantiles
from crossemo.similarity.bias import (
    Estimate,
    deviations,
    gaps,
    nearest_emotion,
    same_emotion_gap,
)
from crossemo.similarity.estimators.base import ALPHA, Layer
from crossemo.similarity.tables import Row, Table

MEANS = "fad_mean_above_chance"

Measure = tuple[str, str, Estimate, float]  # name, emotion, estimate, level of chance


def measures(
    tables: Mapping[str, Table], layer: Layer, emotions: Sequence[str]
) -> list[Row]:
    """Return distance, gap, nearest emotions and bias, by estimators without bias.

    Emotions that either domain lacks are left out; with fewer than two there is no row.

    Args:
        tables: Estimates across the domains.
        layer: The two domains in the hidden state.
        emotions: Names of the emotions.
    """
    rows: list[Row] = []
    for estimator in ("fad_above_chance", "kernel"):
        table = tables[estimator].by_trace or tables[estimator]
        present = _present(table, layer, 3)
        if len(present) > 1:
            names = [emotions[index] for index in present.tolist()]
            noise = _Noise(layer, present)
            measured = _of_table(_only(table, present), noise, names)
            rows += [_row(estimator, one) for one in measured]
    return rows + bias_rows(layer, _present(tables["kernel"], layer, 5))


def bias_rows(layer: Layer, present: Tensor) -> list[Row]:
    """Return how unequal the distances of the same emotion are, by means and kernel.

    Args:
        layer: The two domains in the hidden state.
        present: Numbers of the emotions that both have; of fewer than two is no row.
    """
    if len(present) < 2:
        return []
    test = _dependence(layer, present)
    squares = layer.mean_traces.square()
    of_means = _of_products(layer.linear_sums, layer, present, squares, test)
    ones = torch.ones_like(squares)
    of_kernel = _of_products(layer.kernel_sums, layer, present, ones, test)
    return [
        *(_row(MEANS, one) for one in of_means),
        *(_row("kernel", one) for one in of_kernel),
    ]


class _Noise:
    """The jackknife of some emotions of a layer."""

    def __init__(self, layer: Layer, present: Tensor) -> None:
        self.variance = layer.leaving_out.variance
        cells = torch.cat((present, len(layer.xs) + present))
        freedom = layer.leaving_out.freedom[cells].min()
        self.t = student_quantiles(layer.settings.level, freedom)

    def half_width(self, replicates: Tensor) -> Tensor:
        return self.t * self.variance(replicates).sqrt()

    def squared(self, value: Tensor, replicates: Tensor, p: Tensor) -> Estimate:
        """Return the estimate of what is 0 or more, its interval gated by p."""
        low, high = root_interval(value, self.variance(replicates), self.t, p <= ALPHA)
        return Estimate(*map(float, (value, low, high, p)))


def _row(estimator: str, measured: Measure) -> Row:
    measure, emotion, estimate, chance = measured
    names = {"estimator": estimator, "measure": measure, "emotion": emotion}
    return {**names, **asdict(estimate), "chance": chance}


def _present(table: Table, layer: Layer, least: int) -> Tensor:
    """Return the numbers of the emotions that measures are of.

    Those of so few groups that nothing is there without one would leave the others
    without an interval. Where fewer than two have enough, it is all.

    Args:
        table: Distances.
        layer: The two domains.
        least: Groups of an emotion in either domain that are enough.
    """
    there = ~table.value.diagonal().isnan()
    groups = [
        min(len(set(cell.groups)) for cell in pair)
        for pair in zip(layer.xs, layer.ys, strict=True)
    ]
    enough = there & (torch.tensor(groups) >= least)
    return (enough if enough.sum() > 1 else there).nonzero().flatten()


def _only(table: Table, present: Tensor) -> Table:
    """Return the table of some emotions."""
    assert table.replicates is not None
    assert table.exchanged is not None
    value, replicates, exchanged = (
        part[..., present, :][..., present]
        for part in (table.value, table.replicates, table.exchanged)
    )
    return Table(value, replicates=replicates, exchanged=exchanged)


def _of_table(table: Table, noise: _Noise, names: Sequence[str]) -> Iterator[Measure]:
    """Yield the measures that follow from a table of distances."""
    assert table.replicates is not None
    same = table.value.diagonal()
    around = table.replicates.diagonal(dim1=1, dim2=2)
    yield "same_emotion_distance", "", _mean(table, noise), nan
    half = float(noise.half_width(gaps(table.replicates)))
    yield "same_emotion_gap", "", same_emotion_gap(table.value, half), 0.0
    yield "nearest_emotion", "", nearest_emotion(table.value), 1 / len(same)
    halves = noise.half_width(deviations(around)).tolist()
    for name, value, half in zip(names, deviations(same).tolist(), halves, strict=True):
        yield "deviation", name, Estimate(value, value - half, value + half), nan


def _mean(table: Table, noise: _Noise) -> Estimate:
    """Return the mean distance of the same emotion; p is of the test of all together.

    As groups are exchanged alike in all emotions, the means are those of an exchange.
    """
    assert table.replicates is not None
    assert table.exchanged is not None
    value, replicates, exchanged = (
        part.diagonal(dim1=-2, dim2=-1).mean(-1)
        for part in (table.value, table.replicates, table.exchanged)
    )
    p = torch.tensor(nan).double()
    if len(exchanged) > 1:
        p = permutation_p(exchanged[0], exchanged[1:])
    return noise.squared(value, replicates, p)


def _dependence(layer: Layer, present: Tensor) -> tuple[float, float]:
    numbers = present.tolist()
    xs, ys = ([cells[n] for n in numbers] for cells in (layer.xs, layer.ys))
    settings = layer.settings
    return dependence_test(xs, ys, settings.permutations, settings.seed)


def _of_products(
    sums: KernelSums,
    layer: Layer,
    present: Tensor,
    scale: Tensor,
    test: tuple[float, float],
) -> Iterator[Measure]:
    """Yield how unequal the distances of the same emotion are.

    Args:
        sums: The kernel's sums.
        layer: The two domains.
        present: Numbers of the emotions.
        scale: `(1 + blocks,)` by what variances are divided.
        test: Statistic and p-value of `dependence_test`.
    """
    pairs = [(n, len(layer.xs) + n) for n in present.tolist()]
    # Blocks for groups: as unbiased, and as quick however many songs there are.
    merged = sums.merged([f"{block:03}" for block in layer.blocks.of_units.tolist()])
    value = distance_variance(distance_products(merged, pairs)) / scale[0]
    names = torch.tensor([int(name) for name in merged.units.groups])
    weights = names != torch.arange(len(layer.leaving_out))[:, None]
    replicates = variance_replicates(merged, pairs, weights) / scale[1:]
    p = torch.tensor(test[1]).double()
    variance = _Noise(layer, present).squared(value, replicates, p)
    # The test is of a sharper hypothesis, so p is that of a measure of its own.
    yield "emotion_variance", "", replace(variance, p=nan), 0.0
    yield "emotion_bias", "", Estimate(max(variance.value, 0) ** 0.5), nan
    if sums.bandwidth is None:
        statistic = Estimate(float(test[0] / scale[0]), p=test[1])
        yield "emotion_dependence", "", statistic, nan
