import signal
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.utils.data import DataLoader, DistributedSampler

from crossemo.data.dataset import ClipDataset, Store
from crossemo.data.loader_errors import LoadingError, loading
from crossemo.data.samplers import (
    LengthBucketSampler,
    ResumableLoader,
    eval_batches,
    samples_bound,
    train_batches,
)
from crossemo.data.waveforms import WaveformStore
from crossemo.data.windows import Windowing
from crossemo.errors import CrossEmoError
from tests.data.tones import RATE, Tones
from tests.examples import examples_of

lengths_of_clips = st.lists(st.integers(400, 100_000), max_size=200)
batch_sizes = st.integers(1, 7)
worlds = st.integers(1, 5)
epochs = st.integers(0, 1000)
bounds = st.integers(1, 500_000)


Item = TypeVar("Item")


def flat(batches: Iterable[Iterable[Item]]) -> list[Item]:
    return [index for batch in batches for index in batch]


def padded(lengths: Sequence[int], batch: Sequence[int], world: int) -> int:
    """Return the samples of the process that takes most of a batch."""
    shares = [batch[rank::world] for rank in range(world)]
    real = [[lengths[index % len(lengths)] for index in share] for share in shares]
    return max(len(share) * max(share) for share in real)


def waste(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    padded = sum(len(b) * max(lengths[i] for i in b) for b in batches)
    return 1 - sum(lengths[i] for b in batches for i in b) / padded


class Broken:
    """A store whose clips can't be read any more."""

    def __init__(self, store: Store) -> None:
        self.content, self.lengths = store.content, store.lengths

    def read(
        self, key: str, start: int = 0, stop: int | None = None
    ) -> NDArray[np.float32]:
        raise CrossEmoError("song.wav: it is gone.")


@pytest.fixture
def dataset(tmp_path: Path) -> ClipDataset:
    corpus = Tones(tmp_path / "corpus", singers=(0, 1), takes=2)
    corpus.prepare()
    clips = examples_of(corpus.clips())
    store = WaveformStore.prepare(clips, RATE, tmp_path / "cache")
    return ClipDataset(clips, store)


def cut_into(dataset: ClipDataset, window: int) -> ClipDataset:
    cut = Windowing(window, window)
    examples = [replace(one, windowing=cut) for one in dataset.examples]
    return ClipDataset(examples, dataset.store)


@given(lengths_of_clips, batch_sizes, worlds, epochs)
def test_training_deals_a_clip_at_most_once_and_drops_less_than_one_per_process(
    lengths: list[int], batch_size: int, world: int, epoch: int
) -> None:
    batches = train_batches(lengths, batch_size, world, epoch=epoch)
    dealt = flat(batches)
    assert len(set(dealt)) == len(dealt)
    assert set(dealt) <= set(range(len(lengths)))
    assert len(lengths) - len(dealt) == len(lengths) % world
    assert all(len(batch) % world == 0 for batch in batches)


@given(lengths_of_clips, batch_sizes, worlds, epochs)
def test_processes_see_together_what_one_sees_with_larger_batches(
    lengths: list[int], batch_size: int, world: int, epoch: int
) -> None:
    alone = train_batches(lengths, batch_size * world, epoch=epoch)
    together = train_batches(lengths, batch_size, world, epoch=epoch)
    shareable = [batch[: len(batch) // world * world] for batch in alone]
    assert together == [batch for batch in shareable if batch]


@given(lengths_of_clips, batch_sizes, worlds, epochs)
def test_all_training_batches_but_one_are_whole(
    lengths: list[int], batch_size: int, world: int, epoch: int
) -> None:
    batches = train_batches(lengths, batch_size, world, epoch=epoch)
    sizes = sorted(len(batch) for batch in batches)
    whole = len(lengths) // (batch_size * world)
    assert sizes[len(sizes) - whole :] == [batch_size * world] * whole
    assert len(sizes) <= whole + 1


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    lengths = list(range(400, 600))
    first = train_batches(lengths, 8, seed=3, epoch=5)
    assert train_batches(lengths, 8, seed=3, epoch=5) == first
    assert train_batches(lengths, 8, seed=3, epoch=6) != first
    assert train_batches(lengths, 8, seed=4, epoch=5) != first
    assert train_batches(lengths, 8, seed=5, epoch=3) != first


def test_clips_that_rest_are_no_longer_than_others() -> None:
    lengths = [100, 200, 300, 400, 500]
    rested = np.zeros(5)
    for epoch in range(2000):
        dealt = set(flat(train_batches(lengths, 1, world=2, epoch=epoch)))
        (missing,) = set(range(5)) - dealt
        rested[missing] += 1
    # Chi-squared with 4 degrees of freedom passes 18.5 once in a thousand.
    assert ((rested - 400) ** 2 / 400).sum() < 18.5


@given(lengths_of_clips, batch_sizes, worlds)
def test_evaluation_counts_every_clip_once_and_keeps_processes_in_step(
    lengths: list[int], batch_size: int, world: int
) -> None:
    batches = eval_batches(lengths, batch_size, world)
    n = len(lengths)
    dealt = flat(batches)
    assert sorted(index for index in dealt if index < n) == list(range(n))
    assert len(dealt) - n == -n % world
    assert all(len(batch) % world == 0 for batch in batches)
    assert all(len(batch) == batch_size * world for batch in batches[:-1])
    in_order = [lengths[index % n] for index in dealt]
    assert in_order == sorted(in_order, reverse=True)


@given(lengths_of_clips, batch_sizes, worlds, epochs, bounds)
def test_bounded_batches_hold_no_more_samples_and_deal_as_many_clips(
    lengths: list[int], batch_size: int, world: int, epoch: int, samples: int
) -> None:
    trained = train_batches(lengths, batch_size, world, 0, epoch, samples)
    judged = eval_batches(lengths, batch_size, world, samples)
    for batches in (trained, judged):
        for batch in batches:
            assert len(batch) % world == 0
            assert len(batch) <= batch_size * world
            assert padded(lengths, batch, world) <= samples or len(batch) == world
    dealt = flat(trained)
    assert len(set(dealt)) == len(dealt)
    assert len(lengths) - len(dealt) == len(lengths) % world
    n = len(lengths)
    assert sorted(index for index in flat(judged) if index < n) == list(range(n))
    # Lightning counts the batches of an epoch only once.
    assert len(train_batches(lengths, batch_size, world, 0, 0, samples)) == len(trained)


def test_a_bound_cuts_no_batch_that_fits() -> None:
    lengths = [100] * 12 + [300] * 4
    assert [len(b) for b in eval_batches(lengths, 4, 1, 600)] == [2, 2, 4, 4, 4]
    trained = train_batches(lengths, 4, 1, 0, 0, 600)
    assert sorted(len(batch) for batch in trained) == [2, 2, 4, 4, 4]
    alone = train_batches(lengths, 4, 1, 0, 0, 10**9)
    assert alone == train_batches(lengths, 4, 1, 0, 0)


def test_fewer_clips_than_processes_are_evaluated_with_repeats() -> None:
    assert eval_batches([7], batch_size=2, world=3) == [[0, 1, 1]]


@pytest.mark.parametrize(("clips", "whole"), [(120, 8), (144, 16), (960, 64)])
def test_clips_meet_others_in_every_epoch(clips: int, whole: int) -> None:
    lengths = np.random.default_rng(0).normal(60_000, 5000, clips).astype(int).tolist()
    first, second = (train_batches(lengths, whole, epoch=e) for e in (0, 1))
    shares = [max(len({*one} & {*other}) / whole for other in second) for one in first]
    # Sorted as one pool, all batches would be the same: a mean share of 1.
    assert sum(shares) / len(shares) < 0.5


def test_buckets_waste_less_padding_than_random_batches() -> None:
    rng = np.random.default_rng(0)
    # Utterances of a few seconds with a long tail, as in spontaneous speech.
    lengths = (RATE * rng.lognormal(1.2, 0.6, 1000)).astype(int).tolist()
    order = rng.permutation(1000).tolist()
    at_random = [order[start : start + 16] for start in range(0, 1000, 16)]
    assert waste(lengths, train_batches(lengths, 16)) < 0.2
    assert waste(lengths, at_random) > 0.5
    assert waste(lengths, eval_batches(lengths, 16)) < 0.05


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_take_equal_shares(
    dataset: ClipDataset, shuffle: bool, world: int
) -> None:
    samplers = [
        LengthBucketSampler(dataset, 5, shuffle, world=world, rank=rank)
        for rank in range(world)
    ]
    shares = [list(sampler) for sampler in samplers]
    assert {len(share) for share in shares} == {len(samplers[0])}
    for step in zip(*shares, strict=True):
        assert len({len(batch) for batch in step}) == 1
    dealt = flat([batch for share in shares for batch in share])
    assert sorted(one.clip for one in dealt) == list(range(len(dataset)))


@pytest.mark.parametrize("world", [1, 2, 3])
def test_all_windows_of_all_clips_are_judged_once(
    dataset: ClipDataset, world: int
) -> None:
    cut = cut_into(dataset, 500)
    samplers = [
        LengthBucketSampler(cut, 4, False, world=world, rank=rank, samples=1500)
        for rank in range(world)
    ]
    dealt = [one for sampler in samplers for one in flat(sampler)]
    counted = sorted(one for one in dealt if one.counted)
    assert counted == sorted(cut.windows())
    assert len(counted) > len(cut)
    for step in zip(*samplers, strict=True):
        assert len({len(batch) for batch in step}) == 1
        for batch in step:
            assert len(batch) * max(one.length for one in batch) <= 1500


def test_an_epoch_that_goes_on_hears_the_crops_that_it_had_not_heard(
    dataset: ClipDataset,
) -> None:
    cut = cut_into(dataset, 500)

    def epoch(number: int, world: int = 1, rank: int = 0) -> LengthBucketSampler:
        size = 4 // world
        sampler = LengthBucketSampler(cut, size, True, 7, world=world, rank=rank)
        sampler.set_epoch(number)
        return sampler

    whole = list(epoch(3))
    resumed = epoch(3)
    resumed.skipped = 2
    assert list(resumed) == whole[2:]
    assert {one.length for one in flat(whole)} == {500}
    assert len({one.start for one in flat(whole)}) > 5
    later = {one.clip: one.start for one in flat(epoch(4))}
    assert any(later[one.clip] != one.start for one in flat(whole))
    shares = [list(epoch(3, world=2, rank=rank)) for rank in (0, 1)]
    together = [sorted(flat(step)) for step in zip(*shares, strict=True)]
    assert together == [sorted(batch) for batch in whole]


def test_set_epoch_reshuffles(dataset: ClipDataset) -> None:
    sampler = LengthBucketSampler(dataset, 4, shuffle=True)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert isinstance(sampler, DistributedSampler)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_hands_whole_lists_to_the_dataset(
    dataset: ClipDataset, workers: int
) -> None:
    sampler = LengthBucketSampler(dataset, 5, shuffle=False)
    loader = DataLoader(dataset, sampler=sampler, batch_size=None, num_workers=workers)
    batches = list(loader)
    assert len(loader) == len(batches) == 5
    expected = [[one.clip for one in batch] for batch in sampler]
    assert [batch.indices.tolist() for batch in batches] == expected


@loading()
def kill_a_worker_of(loader: ResumableLoader) -> None:
    worker: BaseProcess | None = None
    try:
        for _ in loader:
            if worker is None:
                worker = active_children()[0]
                worker.kill()
    finally:  # its signal comes after its connections were closed, and is torch's
        assert worker is not None
        worker.join()


# torch's handler of the signal may be called in a callback, which loses what it raises.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_killed_worker_ends_the_loading_in_a_sentence(dataset: ClipDataset) -> None:
    sampler = LengthBucketSampler(dataset, 1, shuffle=False)
    loader = ResumableLoader(dataset, sampler=sampler, batch_size=None, num_workers=2)
    began = time.monotonic()
    with pytest.raises(LoadingError, match=r"with --data\.num_workers 0"):
        kill_a_worker_of(loader)
    assert time.monotonic() - began < 60


def test_a_killed_worker_that_had_nothing_to_do_is_noticed(
    dataset: ClipDataset,
) -> None:
    sampler = LengthBucketSampler(dataset, 24, shuffle=False)
    loader = ResumableLoader(dataset, sampler=sampler, batch_size=None, num_workers=2)
    batches = iter(loader)
    next(batches)
    # As where Python is in a callback when the signal comes.
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for worker in active_children():
        worker.kill()
        worker.join()
    signal.signal(signal.SIGCHLD, before)
    with pytest.raises(LoadingError):
        list(batches)


def test_a_worker_s_own_sentence_comes_through(dataset: ClipDataset) -> None:
    dataset.store = Broken(dataset.store)
    sampler = LengthBucketSampler(dataset, 1, shuffle=False)
    loader = ResumableLoader(dataset, sampler=sampler, batch_size=None, num_workers=1)
    with pytest.raises(CrossEmoError, match=r"^song\.wav: it is gone\.$"):
        list(loader)


def test_impossible_batches_are_refused(dataset: ClipDataset) -> None:
    with pytest.raises(CrossEmoError, match="batch_size is 0: choose 1 or more"):
        LengthBucketSampler(dataset, 0, shuffle=True)
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(CrossEmoError, match="batch_seconds is"):
            samples_bound(seconds, RATE)
    assert samples_bound(1.5, RATE) == 24_000
    assert samples_bound(None, RATE) is None
    with pytest.raises(CrossEmoError, match="24 clips can't be trained on by 25 proc"):
        LengthBucketSampler(dataset, 1, shuffle=True, world=25, rank=0)


@pytest.mark.parametrize("size", [0, -1])
def test_batches_of_nothing_are_refused(size: int) -> None:
    for deal in (train_batches, eval_batches):
        with pytest.raises(CrossEmoError, match=f"is {size}: choose 1 or more"):
            deal([3, 1, 2], size)


def test_clips_are_drawn_by_their_shares() -> None:
    shares = np.array([0.5, 0.3, 0.2, 0.0])
    drawn: Counter[int] = Counter()
    for epoch in range(2000):
        batches = train_batches([3, 1, 2, 4], 2, 1, 5, epoch, shares=shares)
        assert [len(batch) for batch in batches] == [2, 2]
        drawn.update(place for batch in batches for place in batch)
    often = [drawn[place] / 8000 for place in range(4)]
    np.testing.assert_allclose(often, shares, atol=0.02)
    again = train_batches([3, 1, 2, 4], 2, 1, 5, 7, shares=shares)
    assert again == train_batches([3, 1, 2, 4], 2, 1, 5, 7, shares=shares)


@pytest.mark.parametrize(
    ("short", "long", "world", "least"),
    [
        (96, [200] * 3, 1, 8),  # fewer than a concordance is of
        (97, [200] * 3, 1, 8),
        (32, [1600], 2, 1),  # fewer than processes
        (34, [400], 2, 1),
    ],
)
def test_the_longest_clips_rest_in_some_epochs_only(
    short: int, long: list[int], world: int, least: int
) -> None:
    lengths = [100] * short + long
    trained = Counter[int]()
    for epoch in range(100):
        bounds = 1600, None, least
        dealt = flat(train_batches(lengths, 16, world, 0, epoch, *bounds))
        assert len(set(dealt)) == len(dealt)
        trained.update(dealt)
    assert min(trained[place] for place in range(len(lengths))) > 50


def test_a_clip_that_is_drawn_again_is_heard_elsewhere(dataset: ClipDataset) -> None:
    cut = cut_into(dataset, 500)
    shares = np.zeros(len(cut))
    shares[np.argmax(cut.lengths)] = 1
    sampler = LengthBucketSampler(cut, 4, True, shares=shares)
    windows = flat(sampler)
    assert len(windows) == len(cut)
    assert len({one.clip for one in windows}) == 1
    assert len({one.start for one in windows}) > len(cut) / 2
    assert flat(sampler) == windows
    once = LengthBucketSampler(cut, 4, True)
    crops = {one.clip: one for one in flat(once)}
    assert windows[0] == crops[windows[0].clip]
