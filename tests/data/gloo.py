"""Processes of a group that work on their shares of clips and of windows."""

from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from crossemo.data.datamodules import CrossDomainDataModule
from crossemo.data.gathering import ClipMeans
from tests.data.clip_windows import windows
from tests.data.tones import Tones

Batches = list[list[int]]
Share = tuple[Batches, Batches, list[bool]]


def module(root: Path, batch_size: int) -> CrossDomainDataModule:
    """Return a datamodule that trains on 23 clips of speech and tests 5 of song."""
    return CrossDomainDataModule(
        Tones(root, without=["speech-2-sad-0"]),
        Tones(root, "song", without=["song-0-calm-0"]),
        batch_size=batch_size,
        cache_dir=root / "cache",
    )


def share(data: CrossDomainDataModule) -> Share:
    """Return the batches that this process trains on and tests, and what it counts."""
    training, testing = data.train_dataloader(), data.loader("target", "test")
    training.sampler.set_epoch(3)  # type: ignore[attr-defined]
    tested = list(testing)
    return (
        [batch.indices.tolist() for batch in training],
        [batch.indices.tolist() for batch in tested],
        [counted for batch in tested for counted in batch.counted.tolist()],
    )


def load_in_a_group(
    rank: int, world: int, root: Path, results: "Queue[tuple[int, Share]]"
) -> None:
    meeting = f"file://{root / 'meeting'}"
    distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=world
    )
    data = module(root, batch_size=5)
    if rank == 0:
        data.prepare_data()
    distributed.barrier()
    data.setup("fit")
    results.put((rank, share(data)))
    distributed.barrier()
    distributed.destroy_process_group()


def gather_in_a_group(
    rank: int, world: int, folder: Path, results: "Queue[tuple[list[int], Any]]"
) -> None:
    meeting = f"file://{folder / 'meeting'}"
    distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=world
    )
    clips, values = windows()
    means = ClipMeans()
    share = slice(rank, None, world)
    means.add(
        clips[share], torch.ones(len(clips[share]), dtype=torch.bool), values[share]
    )
    places, gathered = means.gather()
    results.put((places.tolist(), gathered.numpy()))
    distributed.barrier()
    distributed.destroy_process_group()
