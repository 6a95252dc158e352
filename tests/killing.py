"""Kills a training at random moments and lets it go on; prints what became of it.

Runs as a process of its own, without threads, so that it can fork.
"""

import json
import os
import random
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from tests.forking import begin, begin_together, end

PATIENCE = 120.0  # seconds for a run to reach a step
TELLING = "--trainer.callbacks+=tests.callbacks.telling.Telling"


def newest(folder: Path) -> Path | None:
    runs = folder.glob("logs/run/version_*/checkpoints/last.ckpt")
    return max(runs, key=lambda path: int(path.parts[-3][8:]), default=None)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    last = newest(folder)
    assert last is not None, (folder / "output").read_text()[-2000:]
    state: dict[str, torch.Tensor] = torch.load(last, weights_only=True)["state_dict"]
    return state


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    assert one.keys() == other.keys()
    return [key for key in one if not torch.equal(one[key], other[key])]


def kill_at(
    step: int, pause: float, how: signal.Signals, folder: Path, typed: list[str]
) -> dict[str, Any]:
    """Kill a run a while after a step began and finish it; return what it had reached.

    By steps and not by the clock, as a busy machine would shift all moments.
    """
    folder.mkdir()
    child = begin(folder, typed)
    begun = folder / "begun"
    late = time.monotonic() + PATIENCE
    while step and not (begun.exists() and begun.stat().st_size >= step):
        assert time.monotonic() < late, (folder / "output").read_text()[-3000:]
        time.sleep(0.001)
    time.sleep(pause)
    os.kill(child, how)
    ended = end(child)
    last = newest(folder)
    reached = -1
    if last is not None:
        reached = torch.load(last, weights_only=True)["global_step"]
    more = [] if last is None else ["--ckpt_path=last"]
    code = end(begin(folder, [*typed, *more]))
    assert code == 0, (folder / "output").read_text()[-3000:]
    told = {"step": reached, "aim": step, "pause": pause, "how": how.name}
    return told | {"code": ended}


def interrupt(folder: Path, typed: list[str]) -> dict[str, Any]:
    """Press Ctrl-C in the second epoch."""
    return kill_at(8, 0.0, signal.SIGINT, folder, [*typed, TELLING])


def requeue(folder: Path, typed: list[str]) -> dict[str, Any]:
    """Send SLURM's signal to a run; start it again by the same command."""
    folder.mkdir()
    scontrol = folder / "bin" / "scontrol"
    scontrol.parent.mkdir()
    scontrol.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n')
    scontrol.chmod(0o755)
    env = {
        "SLURM_NTASKS": "1",
        "SLURM_JOB_NAME": "test",
        "SLURM_JOB_ID": "42",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
        "PATH": f"{scontrol.parent}:{os.environ['PATH']}",
    }
    child = begin(folder, typed, env)
    while newest(folder) is None:
        time.sleep(0.01)
    os.kill(child, signal.SIGUSR1)
    code = end(child)
    assert code == 0, (folder / "output").read_text()[-3000:]
    last = newest(folder)
    assert last is not None
    step = torch.load(last, weights_only=True)["global_step"]
    assert end(begin(folder, typed, env)) == 0, (folder / "output").read_text()[-3000:]
    return {"step": step, "asked": (folder / "asked").read_text()}


def fill_disk(folder: Path, typed: list[str]) -> dict[str, Any]:
    """Let no file grow any more after the first checkpoint; go on with room again."""
    folder.mkdir()
    child = begin(folder, typed)
    while newest(folder) is None:
        time.sleep(0.01)
    resource.prlimit(child, resource.RLIMIT_FSIZE, (4096, 4096))
    code = end(child)
    said = (folder / "output").read_text()
    files = [path.name for path in folder.glob("logs/run/version_0/checkpoints/*")]
    last = newest(folder)
    assert last is not None
    step = torch.load(last, weights_only=True)["global_step"]
    more = "--ckpt_path=last"
    assert end(begin(folder, [*typed, more])) == 0, (folder / "output").read_text()
    return {"code": code, "said": said[-300:], "files": files, "step": step}


def lose_a_worker(folder: Path, typed: list[str]) -> dict[str, Any]:
    """Kill the processes that load clips, one by one; go on without any."""
    folder.mkdir()
    child = begin(folder, [*typed, "--keep_features=false", "--data.num_workers=2"])
    while newest(folder) is None:
        time.sleep(0.01)
    began = time.monotonic()
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        for worker in children(child)[:1]:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        time.sleep(0.05)
    lasted = time.monotonic() - began
    said = (folder / "output").read_text()
    assert end(begin(folder, [*typed, "--ckpt_path=last"])) == 0
    code = os.waitstatus_to_exitcode(ended[1])
    return {"code": code, "said": said[-300:], "seconds": lasted}


def lose_a_process(folder: Path, typed: list[str]) -> dict[str, Any]:
    """Kill the second of two processes; go on with one."""
    folder.mkdir()
    first, second = begin_together(folder, [*typed, "--data.batch_size=4"], 2)
    while newest(folder) is None:
        time.sleep(0.01)
    began = time.monotonic()
    os.kill(second, signal.SIGKILL)
    codes = [end(child) for child in (second, first)]
    lasted = time.monotonic() - began
    said = (folder / "output").read_text()
    return {"code": codes[1], "said": said[-300:], "seconds": lasted}


def children(process: int) -> list[int]:
    """Return the numbers of the processes that a process has started."""
    file = Path(f"/proc/{process}/task/{process}/children")
    return [int(number) for number in file.read_text().split()]


def run(folder: Path, moments: int, typed: list[str]) -> list[dict[str, Any]]:
    """Return, for every moment, what was reached and which tensors differ.

    The last five are Ctrl-C, SLURM's signal, a full disk, the end of a process that
    loads clips and that of one of two that train.
    """
    torch.set_num_threads(1)
    whole = folder / "whole"
    whole.mkdir()
    assert end(begin(whole, typed)) == 0, (whole / "output").read_text()[-3000:]
    began = time.monotonic()
    again = folder / "again"  # the waveforms are decoded by now
    again.mkdir()
    assert end(begin(again, [*typed, TELLING])) == 0
    duration = time.monotonic() - began
    expected = weights(whole)
    steps = (again / "begun").stat().st_size
    rng = random.Random(0)
    found = []
    for number in range(moments):
        place = folder / str(number)
        how = (signal.SIGKILL, signal.SIGTERM)[number % 2]
        # Told to end, a run saves where it is, and needs no checkpoints in between.
        words = [w for w in typed if how == signal.SIGKILL or "save_every" not in w]
        part = (number // 2 + rng.random()) / (moments // 2)  # of the run, for each how
        step = min(int(part * (steps + 2)), steps)  # the tests come after the last one
        pause = rng.uniform(0, duration / 20)
        told = kill_at(step, pause, how, place, [*words, TELLING])
        told["differs"] = differences(expected, weights(place))
        found.append(told)
    for trouble in (interrupt, requeue, fill_disk, lose_a_worker):
        place = folder / trouble.__name__
        told = trouble(place, typed)
        found.append(told | {"differs": differences(expected, weights(place))})
    return [*found, lose_a_process(folder / "lose_a_process", typed)]


if __name__ == "__main__":
    # What a shell starts in the background inherits that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = json.loads(sys.argv[1])
    report = run(Path(arguments["folder"]), arguments["moments"], arguments["typed"])
    Path(arguments["folder"], "report.json").write_text(json.dumps(report))
