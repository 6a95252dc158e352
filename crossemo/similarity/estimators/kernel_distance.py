"""The kernel distance, unbiased, with intervals and p-values."""

from crossemo.distances.exchanges import exchangeable
from crossemo.distances.kernel import KernelSums, kernel_sums, linear_sums
from crossemo.similarity.estimators.base import Comparison
from crossemo.similarity.tables import Table


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance with one bandwidth for the whole layer."""
    return {"kernel": of_kernel(comparison, comparison.layer.kernel_sums)}


def of_kernel(comparison: Comparison, sums: KernelSums) -> Table:
    """Return the distance by a kernel, with intervals and p-values.

    Args:
        comparison: Whose clips.
        sums: The kernel's sums over all cells of the layer.
    """
    layer, draws = comparison.layer, comparison.settings.permutations
    values = comparison.empty(len(layer.weights))
    exchanges = layer.exchanges(draws) if draws else ()
    exchanged = comparison.empty(1 + len(exchanges))
    xs, ys = comparison.places
    for i, j in comparison.pairs():
        places = (xs[i], ys[j])
        values[:, i, j] = sums.distance(*places, layer.weights)
        if not exchanges:
            continue
        of_pair = sums
        x, y = exchangeable(comparison.xs[i], comparison.ys[j])
        if (len(x), len(y)) != (len(comparison.xs[i]), len(comparison.ys[j])):
            h = sums.bandwidth
            of_pair = kernel_sums([x, y], h) if h else linear_sums([x, y])
            places = (0, 1)
        groups = [
            [of_pair.units.groups[unit] for unit in of_pair.units.of(place)]
            for place in places
        ]
        exchanged[0, i, j] = of_pair.distance(*places)
        in_first = exchanges.between(*groups)
        exchanged[1:, i, j] = of_pair.exchanged(*places, in_first)
    return comparison.table(values[0], values[1:], exchanged, None)
