"""Runs with logs, cache and TMPDIR on three file systems, one of which fills up.

Runs as root of a user namespace of its own (`unshare -Urm`), so that it can mount, and
as a process without threads, so that it can fork.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from tests.forking import begin, end
from tests.killing import TELLING, differences, kill_at, newest, weights

PLACES = ("logs", "cache", "scratch")


def mount(folder: Path) -> dict[str, Path]:
    """Mount three file systems below a folder."""
    places = {name: folder / name for name in PLACES}
    for place in places.values():
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
        subprocess.run(command, check=True)
    return places


@contextmanager
def leaving(free: int, place: Path) -> Iterator[None]:
    """Fill a file system but for some bytes."""
    ballast, state = place / "ballast", os.statvfs(place)
    descriptor = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    os.posix_fallocate(descriptor, 0, state.f_bavail * state.f_frsize - free)
    os.close(descriptor)
    try:
        yield
    finally:
        ballast.unlink()


def fill(folder: Path, place: Path, free: int, typed: list[str]) -> dict[str, Any]:
    """Run where there is too little room, then go on where there is enough."""
    folder.mkdir()
    with leaving(free, place):
        code = end(begin(folder, typed))
    text = (folder / "output").read_text()
    checkpoints = list(folder.glob("logs/run/version_*/checkpoints/*"))
    steps = [torch.load(p, weights_only=True)["global_step"] for p in checkpoints]
    more = [] if newest(folder) is None else ["--ckpt_path=last"]
    again = end(begin(folder, [*typed, *more]))
    assert again == 0, (folder / "output").read_text()[-3000:]
    return {"free": free, "code": code, "text": text[-1000:], "steps": steps}


def run(folder: Path, moments: int, typed: list[str]) -> list[dict[str, Any]]:
    """Return, for kills and for full file systems, what differs from a whole run."""
    torch.set_num_threads(1)
    whole = folder / "whole"
    whole.mkdir()
    assert end(begin(whole, typed)) == 0, (whole / "output").read_text()[-3000:]
    expected = weights(whole)
    places = mount(folder)
    os.environ["CROSSEMO_CACHE"] = str(places["cache"] / "crossemo")
    os.environ["TMPDIR"] = tempfile.tempdir = str(places["scratch"])
    rng, report = random.Random(0), []
    for number in range(moments):
        home = places["logs"] / str(number)
        step = rng.randrange(1, 24)
        how = signal.SIGKILL
        kill_at(step, rng.uniform(0, 0.1), how, home, [*typed, TELLING])
        report.append({"differs": differences(expected, weights(home))})
    for name, free in (("logs", 300_000), ("logs", 2_000_000), ("scratch", 0)):
        home = places["logs"] / f"{name}-{free}"
        row = fill(home, places[name], free, typed)
        report.append(
            row | {"full": name, "differs": differences(expected, weights(home))}
        )
    for free in (20_000, 600_000):
        os.environ["CROSSEMO_CACHE"] = str(places["cache"] / str(free))
        home = places["logs"] / f"cache-{free}"
        row = fill(home, places["cache"], free, typed)
        report.append(
            row | {"full": "cache", "differs": differences(expected, weights(home))}
        )
    return report


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    report = run(Path(arguments["folder"]), arguments["moments"], arguments["typed"])
    Path(arguments["report"]).write_text(json.dumps(report))
