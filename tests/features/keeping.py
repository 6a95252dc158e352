"""Keeps features in forks that are killed, and in two forks at once.

Runs as a process of its own, without threads, so that it can fork.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from crossemo.data.dataset import ClipDataset
from crossemo.encoders import load_encoder
from crossemo.features import store as kept
from crossemo.features.hidden import Features, keep_features
from crossemo.features.packed import write_clips
from tests.examples import numbered
from tests.forking import end
from tests.noise import Noise

CLIPS = 40
PAUSE = 0.02  # seconds that a file takes at least


def dataset() -> ClipDataset:
    examples = numbered(CLIPS)
    lengths = {e.key: 300 + 37 * (n * 7 % CLIPS) for n, e in enumerate(examples)}
    return ClipDataset(examples, Noise(lengths))


def keep(encoder: Any, cache: Path) -> Features:
    return keep_features(encoder, [dataset()], 4, cache_dir=cache)


def begin(encoder: Any, cache: Path, log: Path) -> int:
    """Return the number of a process that keeps features, slowly, and tells of each."""
    child = os.fork()
    if child:
        return child

    def slowly(file: Path, clips: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        time.sleep(PAUSE)
        write_clips(file, clips)
        with log.open("a") as lines:
            lines.write(f"{file.name}\n")

    vars(kept)["write_clips"] = slowly
    code = 1
    try:
        keep(encoder, cache)
        code = 0
    finally:
        os._exit(code)  # a fork must never come back


def same(cache: Path, encoder: Any, expected: Features) -> bool:
    found = keep(encoder, cache)
    return found.means.keys() == expected.means.keys() and all(
        torch.equal(found.means[key], expected.means[key])
        and torch.equal(found.deviations[key], expected.deviations[key])
        for key in expected.means
    )


def main(folder: Path, source: str) -> dict[str, Any]:
    kept.CLIPS_PER_FILE = 4
    encoder = load_encoder(source)
    expected = keep(encoder, folder / "alone")
    rng = random.Random(0)
    killed = left = 0
    log = folder / "killed.log"
    cache = folder / "killed"
    while killed < 10:
        child = begin(encoder, cache, log)
        time.sleep(rng.uniform(0.0, 3 * PAUSE))
        os.kill(child, signal.SIGKILL)
        killed += end(child) == -signal.SIGKILL
        left = len(log.read_text().splitlines()) if log.exists() else 0
        if left == CLIPS // 4:  # too fast: once more from nothing
            cache = cache.with_name(f"{cache.name}+")
            log.unlink()
    after = same(cache, encoder, expected)
    both = folder / "both.log"
    children = [begin(encoder, folder / "both", both) for _ in range(2)]
    codes = [end(child) for child in children]
    return {
        "killed": killed,
        "same_after_kills": after,
        "codes": codes,
        "same_by_two": same(folder / "both", encoder, expected),
        "files_by_two": sorted(both.read_text().splitlines()),
        "files": sorted(file.name for file in expected.files),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(sys.argv[1])
    report = main(place, sys.argv[2])
    (place / "report.json").write_text(json.dumps(report))
