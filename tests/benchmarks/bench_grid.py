"""Kills a whole grid at random moments, and measures what a run of one costs.

`python -m tests.benchmarks.bench_grid --kills 5` kills a grid of a few runs (SIGKILL of
its process alone, whose children must notice), lets the same command go on each time,
and compares what it comes to with a grid undisturbed. Before, it prints the processor
time of a run that is started alone and the mean of those in the grid, whose imports lie
behind them: those of the server are paid once.
"""

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crossemo.grids.home import home_of, outcome_in
from tests.grids.moments import callback
from tests.grids.process import grid_of
from tests.grids.runs import attempts, results, run_of

STAGES = "--stages={source: {max_epochs: 2}, target: {max_epochs: 2}}"
STEP = "--save_every_n_steps=1"


def seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def alone(folder: Path) -> float:
    """Return the processor time of a run that is started by itself."""
    run = run_of("alone", folder, STAGES, STEP)
    before = seconds_of_children()
    command = [sys.executable, "-m", "crossemo", "fit", *run.words]
    subprocess.run(command, check=True, capture_output=True)
    return seconds_of_children() - before


def kill(folder: Path, runs: dict[str, list[str]], jobs: int, moment: float) -> None:
    """Kill a grid a while after the first of its runs began."""
    with grid_of(folder, runs, jobs) as grid:
        assert grid.stderr is not None
        while "begun" not in grid.stderr.readline():
            assert grid.poll() is None
        time.sleep(moment)
        grid.send_signal(signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="grid-"))
    os.environ |= {"CROSSEMO_CACHE": str(home / "cache"), "OMP_NUM_THREADS": "1"}
    costs = home / "costs"
    runs = {
        f"seed{seed}": [f"--seed_everything={seed}", STAGES, STEP]
        for seed in range(options.runs)
    }
    watched = [callback("Costs", folder=costs)]
    plan = [run_of(label, home / "whole", *words) for label, words in runs.items()]
    alone(home / "first")  # makes up the sounds
    print(f"a run alone: {alone(home / 'second'):.1f} s of processor time", flush=True)
    began = time.monotonic()
    whole = {label: [*words, *watched] for label, words in runs.items()}
    with grid_of(home / "whole", whole, options.jobs) as grid:
        said = grid.communicate()[1]
    assert "failed" not in said, said
    took = time.monotonic() - began
    times = [float(path.read_text()) for path in costs.iterdir()]
    print(f"a run of the grid: {sum(times) / len(times):.1f} s; all took {took:.0f} s")
    rng = random.Random(options.seed)
    for _ in range(options.kills):
        moment = rng.uniform(0, took / options.kills)
        kill(home / "cut", runs, options.jobs, moment)
        folders = [home_of(run.digest, home / "cut") for run in plan]
        done = sum(outcome_in(folder) is not None for folder in folders)
        print(f"killed after {moment:.0f} s: {done} of {len(plan)} done", flush=True)
    with grid_of(home / "cut", runs, options.jobs) as grid:
        said = grid.communicate()[1]
    assert grid.returncode == 0, said
    differ = [
        run.label
        for run in plan
        if results(run, home / "cut") != results(run, home / "whole")
    ]
    tries = [attempts(run, home / "cut") for run in plan]
    print(f"attempts {tries}; other results: {differ or 'none'}")
    raise SystemExit(bool(differ))


if __name__ == "__main__":
    main()
