"""Domains of made-up clips, with actors who differ as much as their clips do."""

import torch

from crossemo.distances.cells import Cell
from tests.distances.normals import ssl_like

EMOTIONS = ("calm", "happy", "sad", "angry")


def domain(
    seed: int,
    shift: float,
    actors: int = 8,
    clips: int = 4,
    width: int = 32,
    apart: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
) -> list[Cell]:
    """Return a cell for each of `EMOTIONS`.

    Emotion k lies `shift` along axis k, and `apart[k]` along an axis of its own, which
    another domain may lack. Domains of odd seeds have the actors of the seed before.
    """
    voices = ssl_like(actors, width, seed // 2)
    cells = []
    for k in range(len(EMOTIONS)):
        noise = ssl_like(actors * clips, width, 1000 + 10 * seed + k)
        axis = torch.zeros(width, dtype=torch.float64)
        axis[k], axis[4 + k] = shift, apart[k]
        rows = [actor for actor in range(actors) for _ in range(clips)]
        groups = tuple(f"actor {actor}" for actor in rows)
        cells.append(Cell(voices[rows] + noise + axis, groups))
    return cells
