"""Batches of windows of similar length, shared out among processes."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import distributed
from torch.utils.data import DataLoader, DistributedSampler

from crossemo.data.batch import Batch
from crossemo.data.dataset import ClipDataset
from crossemo.data.loader_errors import loading, refuse_killed
from crossemo.data.windows import Window
from crossemo.errors import CrossEmoError

POOL = 20  # global batches to sort among: more save little padding


def train_batches(
    lengths: Sequence[int],
    batch_size: int,
    world: int = 1,
    seed: int = 0,
    epoch: int = 0,
    samples: int | None = None,
    shares: NDArray[np.float64] | None = None,
    least: int = 1,
) -> list[list[int]]:
    """Deal clips into the global batches of one training epoch.

    The clips are shuffled, cut into pools of at most `POOL` global batches, sorted by
    length within each pool and cut into batches, and the batches are shuffled. A pool
    holds a quarter of the clips at most: sorted whole, a small corpus would be cut into
    the same batches in every epoch. The clips that
    fill no batch are drawn before the sorting, so that a long clip is among them no
    more often than a short one. They make one smaller batch, less the remainder that
    `world` processes can't share evenly: up to `world - 1` clips rest for this epoch,
    and the whole batch does where it has fewer than `least`.

    Where samples are bounded, clips of which the same number fits into a batch are
    dealt apart from the others, and those of them that fill no batch are dealt with
    the longer ones. So every epoch has as many batches, whatever meets in them. The
    longest that would be too few for a batch share one with shorter clips, so that it
    is by chance, too, which of them rest.

    Args:
        lengths: Samples of each clip.
        batch_size: Clips per process and step.
        world: Number of processes. Two processes with batches of 8 see together what
            one sees with batches of 16, in the same order of steps.
        seed: Seed of the shuffling.
        epoch: Number of the epoch.
        samples: Most samples per process and step, padding included; a longer clip is
            a batch by itself. Unbounded if None.
        shares: `(clips,)` probabilities by which as many clips as there are are drawn,
            with replacement; each once if None.
        least: Fewest clips of a global batch.

    Returns:
        Global batches of clip indices; process `r` takes `batch[r::world]` of each.

    Raises:
        CrossEmoError: `batch_size` is below 1.

    >>> train_batches([5, 1, 4, 2, 3], batch_size=2, seed=1)
    [[2, 0], [1, 4], [3]]
    """
    _check_size(batch_size)
    rng = np.random.default_rng((seed, epoch))
    sizes = _sizes(lengths, batch_size, samples)
    order = rng.permutation(len(lengths))
    if shares is not None:
        order = _drawn(shares, sizes, rng)
    batches: list[list[int]] = []
    latest: list[list[int]] = []
    rest, whole = order[:0], 1
    kinds = np.unique(sizes)[::-1].tolist()
    for size in kinds:
        whole = size * world
        alike = np.concatenate([rest, order[sizes[order] == size]])
        full = len(alike) - len(alike) % whole
        if full:
            batches, latest = batches + latest, _pooled(alike[:full], lengths, whole)
        rest = alike[full:]
    if len(kinds) > 1:  # else the rest is of clips by chance
        if latest and 0 < len(rest) < max(least, world):
            rest = np.append(rest, latest.pop(rng.integers(len(latest))))
        rest = rng.permutation(rest)
    batches = batches + latest
    for start in range(0, len(rest), whole):
        batches.append(rest[start : start + whole].tolist())
    shuffled = [batches[place] for place in rng.permutation(len(batches))]
    shared = [batch[: len(batch) - len(batch) % world] for batch in shuffled]
    return [batch for batch in shared if len(batch) >= max(least, 1)]


def eval_batches(
    lengths: Sequence[int],
    batch_size: int,
    world: int = 1,
    samples: int | None = None,
) -> list[list[int]]:
    """Deal every clip once into global batches, the longest clips first.

    Processes must run the same number of batches, so the last batch is filled up to a
    multiple of `world` by repeats. A repeat of clip `i` of `n` has the index `i + n`:
    `index % n` is the clip, and an index of `n` or more must not be counted.

    Args:
        lengths: Samples of each clip.
        batch_size: Clips per process and step.
        world: Number of processes.
        samples: As in `train_batches`.

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
    sizes = _sizes(lengths, batch_size, samples) * world
    batches: list[list[int]] = []
    start = 0
    while start < len(order):
        size = int(sizes[order[start] % len(lengths)])
        batches.append(order[start : start + size])
        start += size
    return batches


def _drawn(
    shares: NDArray[np.float64], sizes: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw clips by their shares, in every epoch as many that batches take alike."""
    draws = []
    for size in np.unique(sizes):
        clips = np.flatnonzero(sizes == size)
        share = shares[clips].sum()
        if share > 0:
            number = round(len(shares) * share)
            draws.append(rng.choice(clips, number, p=shares[clips] / share))
    return rng.permutation(np.concatenate(draws))


def _sizes(
    lengths: Sequence[int], batch_size: int, samples: int | None
) -> NDArray[np.int64]:
    """Return how many clips a process's batch takes that are as long as each."""
    if samples is None:
        return np.full(len(lengths), batch_size, dtype=np.int64)
    fitting = samples // np.maximum(np.asarray(lengths, dtype=np.int64), 1)
    return fitting.clip(1, batch_size)


def _pooled(
    order: NDArray[np.int64], lengths: Sequence[int], whole: int
) -> list[list[int]]:
    """Cut shuffled clips into batches of like length."""
    batches: list[list[int]] = []
    size = min(POOL, max(2, len(order) // whole // 4)) * whole
    for start in range(0, len(order), size):
        pool = order[start : start + size]
        pool = pool[np.argsort(np.asarray(lengths)[pool], kind="stable")]
        batches += pool.reshape(-1, whole).tolist()
    return batches


def samples_bound(seconds: float | None, rate: int) -> int | None:
    """Return the most samples of a batch.

    Args:
        seconds: The most seconds; unbounded if None.
        rate: Sampling rate in Hz.

    Raises:
        CrossEmoError: There can be no batch of so few seconds.
    """
    if seconds is None:
        return None
    if not 0 < seconds < inf:
        raise CrossEmoError(
            f"batch_seconds is {seconds:g}: choose a number above 0, or null for "
            "batches of any length."
        )
    return int(seconds * rate)


class LengthBucketSampler(DistributedSampler[list[Window]]):
    """This process's batches of windows, of similar length.

    Made for `DataLoader(dataset, sampler=..., batch_size=None)`, which hands each list
    to the dataset. It extends `DistributedSampler` so that Lightning leaves it in place
    and calls `set_epoch`. Every process gets the same number of batches, and in each
    step all processes' batches hold the same number of windows.

    Args:
        dataset: The clips.
        batch_size: Windows per process and step.
        shuffle: Whether to deal a random window of each clip by `train_batches` or, all
            of them once, by `eval_batches`.
        seed: Seed of the shuffling and of the random windows.
        world: Number of processes; that of `torch.distributed` if None.
        rank: Number of this process; that of `torch.distributed` if None.
        batches: Batches after which an epoch ends; all if None.
        samples: As in `train_batches`.
        shares: See `train_batches`.
        least: Fewest clips of all processes in a step of training, such as those that
            a loss needs; a smaller rest is left out of its epoch.

    Attributes:
        skipped: Batches that the next epoch leaves out, as they were seen before.

    Raises:
        CrossEmoError: `batch_size` is below 1, there are fewer clips to train on than
            processes, or no batch can have as many as it must.
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
        samples: int | None = None,
        shares: NDArray[np.float64] | None = None,
        least: int = 1,
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
        self.batch_size, self.samples = batch_size, samples
        self.limit, self.shares = batches, shares
        self.least = least
        if shuffle:
            self._refuse_few()
        self.skipped = 0

    def __iter__(self) -> Iterator[list[Window]]:
        # Nothing may be drawn before the first batch is asked for: Lightning makes the
        # iterator of a resumed run before it tells the epoch.
        skipped, self.skipped = self.skipped, 0
        for batch in self._batches()[skipped:]:
            yield batch[self.rank :: self.num_replicas]

    def __len__(self) -> int:
        return len(self._batches())

    def _refuse_few(self) -> None:
        """Refuse batches that hold fewer clips than the loss needs."""
        lengths = [one.length for one in self.dataset.crops(self.seed, 0)]
        sizes = _sizes(lengths, self.batch_size, self.samples)
        most = min(int(sizes.min()) * self.num_replicas, len(lengths))
        if most < self.least:
            raise CrossEmoError(
                f"The loss is of {self.least} clips or more, and batches of {most} "
                f"would be there, of {len(lengths)} clips in all: give a larger "
                "data.batch_size or data.batch_seconds, or the task the loss mse."
            )

    def _batches(self) -> list[list[Window]]:
        size, world, samples = self.batch_size, self.num_replicas, self.samples
        if self.shuffle:
            seed, epoch = self.seed, self.epoch
            lengths = [one.length for one in self.dataset.crops(seed, epoch)]
            bounds = samples, self.shares, self.least
            dealt = train_batches(lengths, size, world, seed, epoch, *bounds)
            dealt, again = _drawn_again(dealt[: self.limit], len(lengths))
            windows = self.dataset.crops(seed, epoch, again)
        else:
            windows = self.dataset.windows()
            lengths = [one.length for one in windows]
            dealt = eval_batches(lengths, size, world, samples)
        return [[_numbered(windows, number) for number in batch] for batch in dealt]


def _drawn_again(
    dealt: Sequence[Sequence[int]], clips: int
) -> tuple[list[list[int]], list[int]]:
    """Number what is drawn again beyond the clips, and return which clips it is of."""
    drawn: set[int] = set()
    again: list[int] = []
    batches: list[list[int]] = []
    for batch in dealt:
        batches.append([])
        for clip in batch:
            if clip in drawn:
                batches[-1].append(clips + len(again))
                again.append(clip)
            else:
                batches[-1].append(clip)
            drawn.add(clip)
    return batches, again


def _numbered(windows: Sequence[Window], number: int) -> Window:
    """Return a window by its number, where those beyond the last are repeats."""
    place = number % len(windows)
    return windows[place]._replace(counted=number == place)


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
