"""Estimators of the distance, a file each, found by its name.

A file here has `estimate(comparison)`, which gives the tables of one estimator or
several by the names that they have in `fad.csv`.
"""

from importlib import import_module
from pkgutil import iter_modules

from crossemo.similarity.estimators.base import Comparison, Layer
from crossemo.similarity.tables import Table

__all__ = ["Comparison", "Layer", "estimates"]

# The order of the rows in `fad.csv`; further estimators follow by name.
ORDER = (
    "fad",
    "fad_matched",
    "fad_above_chance",
    "fad_subspace",
    "fad_infinity",
    "kernel_distance",
)


def estimates(comparison: Comparison) -> dict[str, Table]:
    """Return the tables of all estimators, by name."""
    names = {module.name for module in iter_modules(__path__)} - {"base"}
    tables: dict[str, Table] = {}
    for name in [*ORDER, *sorted(names.difference(ORDER))]:
        tables |= import_module(f"{__name__}.{name}").estimate(comparison)
    return tables
