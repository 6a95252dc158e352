"""Time and memory that commands take before they do anything.

Run `python -m tests.benchmarks.bench_start [--runs N]`. Every command is a process of
its own, run by turns with `import torch, lightning`, whose processor time (user and
system) and peak memory are the units of what is shown: medians of five.
"""

import argparse
import os
import subprocess
import sys
from statistics import median

CROSSEMO = [sys.executable, "-m", "crossemo"]
BASE = "import torch, lightning"
COMMANDS = {
    BASE: [sys.executable, "-c", BASE],
    "--version": [*CROSSEMO, "--version"],
    "--help": [*CROSSEMO, "--help"],
    "cache": [*CROSSEMO, "cache"],
    "cahce": [*CROSSEMO, "cahce"],
    "fit --print_config": [*CROSSEMO, "fit", "--config=demo.yaml", "--print_config"],
    "fit --modle.lr=1": [*CROSSEMO, "fit", "--config=demo.yaml", "--modle.lr=1"],
}


def measure(command: list[str]) -> tuple[float, float]:
    """Return processor time in seconds and peak memory in MB of a process."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, command in COMMANDS.items():
            measured[name].append(measure(command))
    medians = {
        name: tuple(map(median, zip(*values, strict=True)))
        for name, values in measured.items()
    }
    seconds, megabytes = medians[BASE]
    print(f"{BASE}: {seconds:.1f} s of processor time, {megabytes:.0f} MB")
    for name, (time, memory) in medians.items():
        print(
            f"{name:24} time {time / seconds:5.2f} ({time:4.1f} s)"
            f"   memory {memory / megabytes:5.2f} ({memory:3.0f} MB)"
        )


if __name__ == "__main__":
    main()
