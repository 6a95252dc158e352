"""The Fréchet distance of equally many clips of every cell, by which emotions rank."""

from random import Random

import torch

from crossemo.distances.cells import Cell, in_turn, rows_of
from crossemo.similarity.estimators.base import Comparison, frechet_terms_of
from crossemo.similarity.tables import Table

DRAWS = 4


def estimate(comparison: Comparison) -> dict[str, Table]:
    """Return the mean over draws across the domains, of one clip of a group by turns.

    A draw has as many clips of every cell as the smallest one of the layer.
    """
    if not comparison.across:
        return {}
    clips = comparison.layer.fewest
    equal = all(len(cell) in (0, 1, clips) for cell in comparison.layer.cells)
    random = Random(comparison.settings.seed)
    draws = []
    for _ in range(1 if equal else DRAWS):
        xs = [_draw(cell, clips, random) for cell in comparison.xs]
        ys = [_draw(cell, clips, random) for cell in comparison.ys]
        mean, spread = frechet_terms_of(xs, ys)
        draws.append(mean + spread)
    value = torch.stack(draws).mean(0)
    return {"fad_matched": Table(value, used=torch.full_like(value, clips))}


def _draw(cell: Cell, clips: int, random: Random) -> Cell:
    rows = rows_of(in_turn(cell.groups, random)[:clips])
    groups = tuple(cell.groups[row] for row in rows.tolist())
    return Cell(cell.embeddings[rows], groups)
