"""The Fréchet distance along the principal axes of all clips together."""

from crossemo.distances.cells import Cell
from crossemo.distances.variants import principal_axes
from crossemo.similarity.estimators.base import Comparison, frechet_terms_of
from crossemo.similarity.tables import Table


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance across the domains."""
    if not comparison.across:
        return {}
    cells = [*comparison.xs, *comparison.ys]
    embeddings = [cell.embeddings for cell in cells]
    axes = principal_axes(embeddings, comparison.settings.subspace)
    xs, ys = (
        [Cell(cell.embeddings.to(axes.dtype) @ axes, cell.groups) for cell in side]
        for side in (comparison.xs, comparison.ys)
    )
    mean, spread = frechet_terms_of(xs, ys)
    return {"fad_subspace": Table(mean + spread)}
