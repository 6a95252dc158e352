"""The Fréchet distance along the principal axes of all clips together."""

from crossemo.distances.cells import Cell
from crossemo.similarity.estimators.base import Comparison, frechet_terms_of
from crossemo.similarity.tables import Table


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance across the domains."""
    if not comparison.across:
        return {}
    layer = comparison.layer
    xs, ys = (
        [Cell(layer.coordinates[place], layer.cells[place].groups) for place in places]
        for places in comparison.places
    )
    mean, spread = frechet_terms_of(xs, ys)
    return {"fad_subspace": Table(mean + spread)}
