"""A process of a group that measures its share of two sets."""

from multiprocessing.queues import Queue
from pathlib import Path

import torch
from torch import distributed

from crossemo.distances.streaming import FrechetDistance, KernelDistance
from tests.distances.normals import ssl_like


def measure_in_a_group(
    rank: int, world: int, folder: Path, results: "Queue[tuple[float, float]]"
) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=world
    )
    x, y = ssl_like(21, 8), 0.2 + ssl_like(17, 8, seed=1)
    metrics = FrechetDistance(8), KernelDistance(8)
    for metric in metrics:
        if rank == 0:
            for batch in torch.split(x, 5):
                metric.update(batch, "x")
        metric.update(y[rank::world], "y")
    frechet, kernel = (metric.compute().item() for metric in metrics)
    results.put((frechet, kernel))
    distributed.barrier()
    distributed.destroy_process_group()
