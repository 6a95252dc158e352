"""The Fréchet distance of all clips and its two terms, for the literature."""

from itertools import product

import torch
from torch import Tensor

from crossemo.distances.cells import Cell
from crossemo.distances.exchanges import exchangeable, exchanges
from crossemo.distances.frechet import factor, frechet_term_pairs
from crossemo.metrics.permutation import permutation_p
from crossemo.similarity.estimators.base import Comparison, frechet_terms_of
from crossemo.similarity.settings import Settings
from crossemo.similarity.tables import Table


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the distance, with p-values where they are asked for, and its terms."""
    mean, spread = frechet_terms_of(comparison.xs, comparison.ys)
    tested = comparison.across and comparison.settings.fad_permutations
    return {
        "fad": Table(mean + spread, p=_p_values(comparison) if tested else None),
        "fad_mean_term": Table(mean),
        "fad_covariance_term": Table(spread),
    }


def _p_values(comparison: Comparison) -> Tensor:
    """Return p-values by exchanges of groups."""
    p = comparison.empty()
    for (i, x), (j, y) in product(enumerate(comparison.xs), enumerate(comparison.ys)):
        if min(len(x), len(y)) > 1:
            p[i, j] = _p_value(x, y, comparison.settings)
    return p


def _p_value(x: Cell, y: Cell, settings: Settings) -> Tensor:
    x, y = exchangeable(x, y)
    groups = (sorted(set(x.groups)), sorted(set(y.groups)))
    in_first = exchanges(*groups, settings.fad_permutations, settings.seed)
    units = [(side, group) for side in (0, 1) for group in groups[side]]
    position = {unit: number for number, unit in enumerate(units)}
    owners = [(side, g) for side, cell in enumerate((x, y)) for g in cell.groups]
    clip_units = torch.tensor([position[owner] for owner in owners])
    clips = torch.cat((x.embeddings, y.embeddings))
    pairs = [(factor(x.embeddings), factor(y.embeddings))]
    for first in in_first[:, clip_units]:
        if 1 < int(first.sum()) < len(clips) - 1:
            pairs.append((factor(clips[first]), factor(clips[~first])))
    mean, spread = frechet_term_pairs(pairs)
    distances = mean + spread
    return permutation_p(distances[0], distances[1:])
