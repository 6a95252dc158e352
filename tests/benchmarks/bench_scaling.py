"""How time and memory grow with the number of clips.

Run `python -m tests.benchmarks.bench_scaling [--clips N]`; it measures N, 2N, 4N and 8N
made-up clips of RAVDESS's lengths with the `small` encoder, in two minutes or so:

* extract: `keep_features`, which writes each clip's moments to files;
* stream: moments of all frames, of every layer and class, and no clip is kept;
* probe: solved probes of every layer of base size, all penalties and six folds.

Each is a process of its own with one thread. Its memory is the most that was resident,
less what was before the work; two batches are worked on before both. glibc keeps freed
arrays of many sizes for later, some 200 MB in the end, which hides what is in use; so
memory is measured once more where it is told to give them back (Linux only).
"""

import argparse
import ctypes
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from crossemo.data.samplers import eval_batches
from crossemo.encoders import load_encoder
from crossemo.features.hidden import keep_features
from crossemo.probes.clips import TEST, TRAIN, VAL, ProbedClips
from crossemo.probes.linear import SolvedProtocol
from crossemo.probes.task import ProbeTask
from crossemo.similarity.embeddings import FrameMoments
from crossemo.tasks.classes import Classes
from tests.benchmarks.bench_features import BATCH, made_up

ENCODER = "small"
M_MMAP_THRESHOLD = -3  # of glibc's mallopt
FOLDS, CLASSES, LAYERS, WIDTH = 6, 6, 13, 768


def extract(count: int, folder: Path) -> None:
    keep_features(load_encoder(ENCODER), [made_up(count)], BATCH, cache_dir=folder)


@torch.inference_mode()
def stream(count: int, folder: Path) -> None:
    encoder, data = load_encoder(ENCODER), made_up(count)
    groups = [clip.groups[0] for clip in data.clips]
    moments = FrameMoments(encoder.num_states, encoder.width, dict.fromkeys(groups, 0))
    for rows in eval_batches(data.lengths, BATCH):
        batch = data[rows]
        states, mask = encoder(batch.inputs, batch.lengths)
        moments.update(list(states), mask, batch, groups)


def probe(count: int, folder: Path) -> None:
    count = max(count, 2 * FOLDS * CLASSES)  # each fold learns from every class
    place = torch.arange(count) % FOLDS - torch.arange(FOLDS)[:, None]
    place %= FOLDS
    parts = torch.where(place == 0, TEST, torch.where(place == 1, VAL, TRAIN))
    names = tuple(f"{n}" for n in range(count))
    labels = torch.arange(count) // FOLDS % CLASSES
    nothing = torch.zeros(count, dtype=torch.long)
    emotions = Classes.of_outputs(tuple("abcdef"))
    clips = ProbedClips(
        names, names, names, nothing, labels, parts, ("source",), emotions
    )
    features = torch.randn(LAYERS, count, WIDTH)
    protocol, task = SolvedProtocol(), ProbeTask(clips, 0, [None])
    for values in features:
        protocol.probes(task, values).learn(values)


WORKS: dict[str, Callable[[int, Path], None]] = {
    "extract": extract,
    "stream": stream,
    "probe": probe,
}


def resident() -> float:
    """Return the MB that this process has in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = dict(line.split(":", 1) for line in lines)
    return int(sizes["VmRSS"].split()[0]) / 1e3


def cost_here(
    work: Callable[[int, Path], None], count: int, folder: Path, freeing: bool
) -> tuple[float, float]:
    """Return CPU seconds of the work, and MB that memory grew by at most."""
    if freeing:
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 20)
    work(2 * BATCH, folder / "first")  # loads libraries and fills caches
    before, start = resident(), time.process_time()
    work(count, folder / "clips")
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return seconds, peak - before


def cost(name: str, count: int, freeing: bool) -> tuple[float, float]:
    """Do the work in a process of its own, which has loaded the libraries."""
    fork = ProcessPoolExecutor(1, mp_context=get_context("fork"))
    with TemporaryDirectory() as folder, fork as process:
        asked = WORKS[name], count, Path(folder), freeing
        return process.submit(cost_here, *asked).result()


def print_table(name: str, counts: list[int]) -> None:
    print(f"\n| {name}, clips | CPU s | times the half | MB at most | freeing |")
    print("|---|---|---|---|---|")
    before = 0.0
    for count in counts:
        seconds, kept = cost(name, count, freeing=False)
        _, freed = cost(name, count, freeing=True)
        times = f"{seconds / before:.2f}" if before else ""
        print(f"| {count} | {seconds:.2f} | {times} | {kept:.0f} | {freed:.0f} |")
        before = seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=64)
    given = parser.parse_args()
    torch.set_num_threads(1)
    load_encoder(ENCODER)  # its libraries
    for name in WORKS:
        print_table(name, [given.clips * 2**n for n in range(4)])


if __name__ == "__main__":
    main()
