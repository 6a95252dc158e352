"""Batches of clips of similar length, shared out among processes."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import distributed
from torch.utils.data import DataLoader, DistributedSampler

from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset
from crossemo.data.loader_errors import loading, refuse_killed
from crossemo.errors import CrossEmoError

POOL = 20  # global batches to sort among: more save little padding


def train_batches(
    lengths: Sequence[int],
    batch_size: int,
    world: int = 1,
    seed: int = 0,
    epoch: int = 0,
    shares: NDArray[np.float64] | None = None,
) -> list[list[int]]:
    """Deal clips into the global batches of one training epoch.

    The clips are shuffled, cut into pools of at most `POOL` global batches, sorted by
    length within each pool and cut into batches, and the batches are shuffled. A pool
    holds a quarter of the clips at most: sorted whole, a small corpus would be cut into
    the same batches in every epoch. The clips that
    fill no batch are drawn before the sorting, so that a long clip is among them no
    more often than a short one. They make one smaller batch, less the remainder that
    `world` processes can't share evenly: up to `world - 1` clips rest for this epoch.

    Args:
        lengths: Samples of each clip.
        batch_size: Clips per process and step.
        world: Number of processes. Two processes with batches of 8 see together what
            one sees with batches of 16, in the same order of steps.
        seed: Seed of the shuffling.
        epoch: Number of the epoch.
        shares: `(clips,)` probabilities by which as many clips as there are are drawn,
            with replacement; each once if None.

    Returns:
        Global batches of clip indices; process `r` takes `batch[r::world]` of each.

    Raises:
        CrossEmoError: `batch_size` is below 1.

    >>> train_batches([5, 1, 4, 2, 3], batch_size=2, seed=1)
    [[2, 0], [1, 4], [3]]
    """
    _check_size(batch_size)
    rng = np.random.default_rng((seed, epoch))
    whole = batch_size * world
    order = rng.permutation(len(lengths))
    if shares is not None:
        order = rng.choice(len(lengths), len(lengths), p=shares)
    full = len(order) - len(order) % whole
    batches = []
    size = min(POOL, max(2, full // whole // 4)) * whole
    for start in range(0, full, size):
        pool = order[start : min(start + size, full)]
        pool = pool[np.argsort(np.asarray(lengths)[pool], kind="stable")]
        batches += pool.reshape(-1, whole).tolist()
    if full < len(order):
        batches.append(order[full:].tolist())
    shuffled = [batches[place] for place in rng.permutation(len(batches))]
    shared = [batch[: len(batch) - len(batch) % world] for batch in shuffled]
    return [batch for batch in shared if batch]


def eval_batches(
    lengths: Sequence[int], batch_size: int, world: int = 1
) -> list[list[int]]:
    """Deal every clip once into global batches, the longest clips first.

    Processes must run the same number of batches, so the last batch is filled up to a
    multiple of `world` by repeats. A repeat of clip `i` of `n` has the index `i + n`:
    `index % n` is the clip, and an index of `n` or more must not be counted.

    Args:
        lengths: Samples of each clip.
        batch_size: Clips per process and step.
        world: Number of processes.

    Returns:
        Global batches of indices; process `r` takes `batch[r::world]` of each.

    Raises:
        CrossEmoError: `batch_size` is below 1.

    >>> eval_batches([5, 1, 4], batch_size=1, world=2)
    [[0, 2], [1, 4]]
    """
    _check_size(batch_size)
    order: list[int] = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    if order:
        order += [order[-1] + len(lengths)] * (-len(lengths) % world)
    whole = batch_size * world
    return [order[start : start + whole] for start in range(0, len(order), whole)]


class LengthBucketSampler(DistributedSampler[list[int]]):
    """This process's batches of indices, of similar length.

    Made for `DataLoader(dataset, sampler=..., batch_size=None)`, which hands each list
    to the dataset. It extends `DistributedSampler` so that Lightning leaves it in place
    and calls `set_epoch`. Every process gets the same number of batches, and in each
    step all processes' batches hold the same number of clips.

    Args:
        dataset: The clips.
        batch_size: Clips per process and step.
        shuffle: Whether to deal by `train_batches` or, each clip once, `eval_batches`.
        seed: Seed of the shuffling.
        world: Number of processes; that of `torch.distributed` if None.
        rank: Number of this process; that of `torch.distributed` if None.
        batches: Batches after which an epoch ends; all if None.
        shares: See `train_batches`.

    Attributes:
        skipped: Batches that the next epoch leaves out, as they were seen before.

    Raises:
        CrossEmoError: `batch_size` is below 1, or there are fewer clips to train on
            than processes.
    """

    dataset: ClipDataset

    def __init__(
        self,
        dataset: ClipDataset,
        batch_size: int,
        shuffle: bool,
        seed: int = 0,
        world: int | None = None,
        rank: int | None = None,
        batches: int | None = None,
        shares: NDArray[np.float64] | None = None,
    ) -> None:
        joined = distributed.is_available() and distributed.is_initialized()
        if world is None:
            world = distributed.get_world_size() if joined else 1
        if rank is None:
            rank = distributed.get_rank() if joined else 0
        super().__init__(dataset, world, rank, shuffle, seed)
        _check_size(batch_size)
        if shuffle and len(dataset) < world:
            raise CrossEmoError(
                f"{len(dataset)} clips can't be trained on by {world} processes: "
                "use fewer processes."
            )
        self.lengths = dataset.lengths
        self.batch_size = batch_size
        self.limit, self.shares = batches, shares
        self.skipped = 0

    def __iter__(self) -> Iterator[list[int]]:
        # Nothing may be drawn before the first batch is asked for: Lightning makes the
        # iterator of a resumed run before it tells the epoch.
        skipped, self.skipped = self.skipped, 0
        for batch in self._batches()[skipped:]:
            yield batch[self.rank :: self.num_replicas]

    def __len__(self) -> int:
        return len(self._batches())

    def _batches(self) -> list[list[int]]:
        lengths, size, world = self.lengths, self.batch_size, self.num_replicas
        if self.shuffle:
            way = (self.seed, self.epoch, self.shares)
            dealt = train_batches(lengths, size, world, *way)
            return dealt[: self.limit]
        return eval_batches(lengths, size, world)


def _check_size(batch_size: int) -> None:
    if batch_size < 1:
        raise CrossEmoError(f"batch_size is {batch_size}: choose 1 or more.")


class ResumableLoader(DataLoader[Batch]):
    """A DataLoader of batches that knows how many it has served.

    Lightning keeps the state in a checkpoint, and an epoch that was cut off goes on
    with the batches that it had not seen. Takes a `LengthBucketSampler`.
    """

    served = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # a generator is enough
        """Serve the batches of an epoch that are left.

        Raises:
            LoadingError: A process that loads them ended.
        """
        # Lightning puts a sampler of its own here when it is to overfit.
        self.served = getattr(self.sampler, "skipped", 0)
        batches = super().__iter__()
        while True:
            with loading():
                batch = next(batches, None)
                refuse_killed(getattr(batches, "_workers", ()))
            if batch is None:
                return
            self.served += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Return how many batches of the epoch were served."""
        return {"served": self.served % max(1, len(self))}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Leave out what was served before."""
        if isinstance(self.sampler, LengthBucketSampler):
            self.sampler.skipped = state_dict["served"]
