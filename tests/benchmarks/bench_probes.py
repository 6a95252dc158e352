"""All probes at once against one after the other, as ratios of CPU time.

Run `python -m tests.benchmarks.bench_probes [--epochs E] [--sample N] [--profile]`; it
takes some minutes on one thread. Clips are made up: 13 layers, 768 features wide, of as
many actors and clips as RAVDESS's speech has in six emotions. A probe alone is trained

* bare: a PyTorch loop, all training clips at each step, as crossemo's probes are;
* in batches: the same by a DataLoader of 32 clips, as is customary;
* by Lightning: `LayerwiseProbes` of one layer, fold, rate and seed.

These are measured on some probes drawn at random, by turns with pieces of the work on
all of them, and multiplied by the number of probes. The floor of all at once is the
product of the clips with the first maps, forth and back, and nothing else.
"""

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from crossemo.data.datamodule import EmotionDataModule
from crossemo.probes.bank import ProbeBank
from crossemo.probes.clips import ProbedClips, probed_clips
from crossemo.probes.module import RATES
from crossemo.probes.task import ProbeTask
from crossemo.probes.trained import TrainedProbes
from tests.benchmarks.probes_alone import (
    HIDDEN,
    LAYERS,
    PATIENCE,
    WIDTH,
    Alone,
    Job,
    MadeUp,
    Which,
    by_lightning,
    made_up,
)

JOBS = (
    Job("4 actors, one left out", 4, "leave_one_out"),
    Job("the same, 3 seeds", 4, "leave_one_out", seeds=(0, 1, 2)),
    Job("24 actors in 6 folds", 24, "official"),
    Job("the same, 3 seeds", 24, "official", seeds=(0, 1, 2)),
    Job("4 actors, superb head", 4, "leave_one_out", rates=RATES[1:3], head="superb"),
)


def seconds_of(work: Callable[[], object]) -> float:
    # CPU time of one thread, since other work may share the machine's cores.
    start = time.process_time()
    work()
    return time.process_time() - start


def at_once(
    job: Job, clips: ProbedClips
) -> tuple[list[TrainedProbes], Callable[[], None]]:
    """Return all probes and what trains them for an epoch."""
    task = ProbeTask(clips, 0, [None] * len(job.seeds))
    hidden = HIDDEN if job.head == "superb" else None
    sizes = len(clips.parts), job.seeds, WIDTH, len(clips.classes), hidden
    features = MadeUp.features
    probes = [
        TrainedProbes(task, values, [ProbeBank(*sizes) for _ in job.rates], PATIENCE)
        for values in features
    ]
    groups = [
        {"params": [p for one in probes for p in one.banks[k].parameters()], "lr": rate}
        for k, rate in enumerate(job.rates)
    ]
    optimizer = torch.optim.AdamW(groups)

    def epoch() -> None:
        optimizer.zero_grad()
        for one, values in zip(probes, features, strict=True):
            one.learn(values)
        optimizer.step()

    return probes, epoch


def products(job: Job, clips: ProbedClips) -> Callable[[], object]:
    """Return the floor of an epoch: the large products of all layers."""
    count = len(clips.parts) * len(job.seeds) * len(job.rates)
    wide = count * [*job.sizes, len(clips.classes)][1]
    x, w, g = (
        torch.randn(size)
        for size in ((len(clips.ids), WIDTH), (wide, WIDTH), (wide, len(clips.ids)))
    )
    return lambda: [(w @ x.T, g @ x) for _ in range(LAYERS)]


def measure(job: Job, data: EmotionDataModule, epochs: int, sample: int) -> None:
    clips = probed_clips(data)
    every = list(product(range(LAYERS), range(len(clips.parts)), job.rates, job.seeds))
    at_once(job, clips)[1]()  # warm up
    (probes, epoch), floor = at_once(job, clips), products(job, clips)
    taken: dict[str, list[float]] = defaultdict(list)
    apart = []
    for turn, which in enumerate(random.Random(0).sample(every, sample)):
        steps = epochs * (turn + 1) // sample - epochs * turn // sample
        bare, batched = Alone(job, clips, which), Alone(job, clips, which)
        works: dict[str, Callable[[], object]] = {
            "at once": partial(repeat, steps, epoch),
            "floor": partial(repeat, steps, floor),
            "bare": partial(bare.bare, epochs),
            "in batches": partial(batched.in_batches, epochs),
            "by Lightning": partial(by_lightning, job, data, epochs, which),
        }
        for how, work in works.items():
            taken[how].append(seconds_of(work))
        apart.append((which, bare.best[0]))
    whole = seconds_of(partial(by_lightning, job, data, epochs))
    print(f"{job.name}: {len(every)} probes, {len(clips.ids)} clips, {epochs} epochs")
    tell(taken, whole, len(every))
    most = max(abs(float(among(probes, job, which)) - best) for which, best in apart)
    print(f"  best validation UA, bare and at once, differ by {most:.1g} at most")


def repeat(times: int, work: Callable[[], object]) -> None:
    for _ in range(times):
        work()


def tell(taken: dict[str, list[float]], whole: float, count: int) -> None:
    """Print seconds and ratios, those of probes alone times the number of probes."""
    ours = sum(taken["at once"])
    print(f"  all at once: {ours:.1f} s; by Lightning: {whole:.1f} s")
    print(f"  all at once / its products alone: {ours / sum(taken['floor']):.2f}")
    for how in ("bare", "in batches", "by Lightning"):
        total = fmean(taken[how]) * count
        print(
            f"  one after the other, {how}: {total:.0f} s, from {len(taken[how])} "
            f"probes; / at once: {total / ours:.1f}; / at once by Lightning: "
            f"{total / whole:.1f}"
        )


def among(probes: list[TrainedProbes], job: Job, which: Which) -> Tensor:
    """Return the best validation UA of a probe among all."""
    layer, fold, rate, seed = which
    return probes[layer].recall[fold, job.rates.index(rate), job.seeds.index(seed)]


def print_profile(job: Job, data: EmotionDataModule) -> None:
    _, epoch = at_once(job, probed_clips(data))
    epoch()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(5):
            epoch()
    found = profiled.key_averages()
    print(found.table(sort_by="self_cpu_time_total", row_limit=20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--sample", type=int, default=6, help="probes trained alone")
    parser.add_argument("--profile", action="store_true", help="and tell of each part")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for job in JOBS:
        with TemporaryDirectory() as scratch:
            data = made_up(job, Path(scratch))
            measure(job, data, given.epochs, given.sample)
            if given.profile:
                print_profile(job, data)


if __name__ == "__main__":
    main()
