"""The Fréchet distance above the level that few clips of few groups have by chance."""

from crossemo.distances.above_chance import MOST_BLOCKS, frechet_above_chance
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.similarity.estimators.base import Comparison
from crossemo.similarity.tables import Table


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance above chance, and the level of chance below it."""
    settings = comparison.settings
    blocks = MOST_BLOCKS if comparison.across and settings.intervals else 0
    above = frechet_above_chance(
        comparison.xs, comparison.ys, settings.splits, blocks, settings.seed
    )
    low, high = jackknife_interval(above.value, above.replicates, settings.level)
    return {
        "fad_floor": Table(above.floor, used=above.clips),
        "fad_above_chance": Table(
            above.value, low, high, used=above.clips, replicates=above.replicates
        ),
    }
