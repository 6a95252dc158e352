"""The Fréchet distance of all clips and its two terms, for the literature."""

from crossemo.similarity.estimators.base import Comparison, frechet_terms_of
from crossemo.similarity.tables import Table


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance and its terms."""
    mean, spread = frechet_terms_of(comparison.xs, comparison.ys)
    scale = comparison.layer.mean_traces[0]
    terms = {
        "fad": mean + spread,
        "fad_mean_term": mean,
        "fad_covariance_term": spread,
    }
    return {
        name: Table(value, by_trace=Table(value / scale))
        for name, value in terms.items()
    }
