"""The Fréchet distance extrapolated to infinitely many clips."""

from itertools import product

from crossemo.distances.variants import LEAST_PER_FEATURE, frechet_infinity
from crossemo.similarity.estimators.base import Comparison
from crossemo.similarity.tables import Table


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance across the domains, where it is asked for.

    NaN where there are too few clips.
    """
    if not (comparison.across and comparison.settings.infinity):
        return {}
    value, seed = comparison.empty(), comparison.settings.seed
    for (i, x), (j, y) in product(enumerate(comparison.xs), enumerate(comparison.ys)):
        if min(len(x), len(y)) >= LEAST_PER_FEATURE * x.embeddings.shape[1]:
            value[i, j] = frechet_infinity(x.embeddings, y.embeddings, seed=seed)
    return {"fad_infinity": Table(value)}
