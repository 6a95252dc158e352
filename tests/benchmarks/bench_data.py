"""What the waveform store and the length buckets save, as ratios.

Run `python -m tests.benchmarks.bench_data [RAVDESS_ROOT]`; without a root it measures
made-up clips of RAVDESS's lengths.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from crossemo import audio
from crossemo.corpora.ravdess import RAVDESS
from crossemo.data.dataset import ClipDataset
from crossemo.data.examples import Example
from crossemo.data.samplers import eval_batches, train_batches
from crossemo.data.waveforms import WaveformStore
from tests.corpora.ravdess_tree import write_ravdess
from tests.examples import examples_of

RATE = 16_000  # Hz
BATCH = 16
ROUNDS = 5

Batches = Sequence[Sequence[int]]


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the median processor time, as other work may share the machine's cores."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return median(times)


def decode_all(clips: Sequence[Example]) -> None:
    for one in clips:
        audio.decode(one.clip.path, RATE)


def read_all(clips: Sequence[Example], store: WaveformStore) -> None:
    for one in clips:
        np.array(store.read(one.key))


def load_all(dataset: ClipDataset, batches: Batches) -> None:
    for batch in batches:
        dataset[batch]


def padding(lengths: Sequence[int], batches: Batches) -> float:
    """Return the share of a batch's samples that are padding."""
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths[i] for batch in batches for i in batch) / padded


def cut(order: Sequence[int]) -> Batches:
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def prepare_seconds(clips: Sequence[Example], cache: Path) -> float:
    start = time.process_time()
    WaveformStore.prepare(clips, RATE, cache)
    return time.process_time() - start


def measure(name: str, clips: list[Example], cache: Path) -> None:
    built = prepare_seconds(clips[:-1], cache)
    more = prepare_seconds(clips, cache)
    store = WaveformStore.open(clips, RATE, cache)
    dataset = ClipDataset(clips, store)
    decoding = cpu_seconds(lambda: decode_all(clips))
    reading = cpu_seconds(lambda: read_all(clips, store))
    batches = train_batches(dataset.lengths, BATCH)
    loading = cpu_seconds(lambda: load_all(dataset, batches))
    print(f"{name}: {len(clips)} clips, {sum(dataset.lengths) / RATE:.0f} s")
    print(f"  decoding each clip / reading it from the store: {decoding / reading:.1f}")
    print(f"  decoding each clip / loading padded batches:    {decoding / loading:.1f}")
    print(f"  making the store / decoding each clip:          {built / decoding:.2f}")
    print(f"  making the store / adding one clip more:        {built / more:.0f}")
    in_files_order = list(range(len(clips)))
    at_random = np.random.default_rng(0).permutation(len(clips)).tolist()
    for how, dealt in (
        ("in buckets, training", batches),
        ("in buckets, judging", eval_batches(dataset.lengths, BATCH)),
        ("at random", cut(at_random)),
        ("in order of files", cut(in_files_order)),
    ):
        print(f"  padding, {how}: {padding(dataset.lengths, dealt):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, nargs="?")
    root: Path | None = parser.parse_args().root
    with TemporaryDirectory() as scratch:
        if root is None:
            root = Path(scratch, "ravdess")
            write_ravdess(root, seconds=4.0)
        for channel in ("speech", "song"):
            corpus = RAVDESS(root, channel)
            measure(corpus.name, examples_of(corpus.clips()), Path(scratch, "cache"))


if __name__ == "__main__":
    main()
