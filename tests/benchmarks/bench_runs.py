"""What a further run costs beside the same run started alone.

Run `python -m tests.benchmarks.bench_runs [--rounds N] [TYPED…]`. The demo, frozen with
a weighted sum, in three epochs a stage (or what is typed behind `fit`), runs by turns

- alone, with an empty cache: what a first run costs;
- alone, with what runs before it have kept;
- as a further run: a fork of a process that has imported all, with what was kept;

with figures and distances and without. Shown are medians of their processor times (user
and system), and their ratios to a run alone with all that is kept.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from statistics import median

from crossemo.commands.imports import load
from tests.forking import begin

DEMO = [
    *("--config=demo.yaml", "--config=strategies/weighted_sum.yaml"),
    *("--stages.source.max_epochs=3", "--stages.target.max_epochs=3"),
]
QUIET = ["--trainer.enable_progress_bar=false", "--threads=1"]
VARIANTS = {
    "as it is": [],
    "without figures": ["--figures=false"],
    "without distances": ["--fad.enabled=false"],
    "without either": ["--figures=false", "--fad.enabled=false"],
}
LAZY = (  # what a run imports when it comes to it
    "crossemo.commands.recognition",
    "crossemo.report.distances",
    "crossemo.report.figures",
    "crossemo.report.saving",
    "tensorboard",
    "torch.utils.tensorboard",
    "transformers.models.wav2vec2.modeling_wav2vec2",
)


def waited(child: int) -> float:
    """Return the processor time of a process that has ended, in seconds."""
    _, status, usage = os.wait4(child, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise SystemExit(f"A run ended with status {code}.")
    return usage.ru_utime + usage.ru_stime


def alone(folder: Path, typed: list[str], cache: Path) -> float:
    command = [sys.executable, "-m", "crossemo", *typed]
    environment = os.environ | {"CROSSEMO_CACHE": str(cache)}
    with (folder / "output").open("a") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output
        )
    seconds = waited(process.pid)
    process.returncode = 0
    return seconds


def further(folder: Path, typed: list[str], cache: Path) -> float:
    return waited(begin(folder, typed, {"CROSSEMO_CACHE": str(cache)}))


def measure(folder: Path, typed: list[str], rounds: int) -> dict[str, float]:
    """Return the median time of each way to run."""
    seconds: dict[str, list[float]] = {"first": [], "alone": [], "further": []}
    cache = folder / "kept"
    for number in range(rounds):
        seconds["first"].append(alone(folder, typed, folder / f"empty{number}"))
        if not number:
            alone(folder, typed, cache)
        seconds["alone"].append(alone(folder, typed, cache))
        seconds["further"].append(further(folder, typed, cache))
    return {way: median(values) for way, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    given, more = parser.parse_known_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # also in another folder
    load("launch")
    for name in LAZY:
        import_module(name)
    print(f"{'':18} {'first':>12} {'alone, kept':>12} {'further':>12}  further / alone")
    for name, options in VARIANTS.items():
        typed = ["fit", *(more or DEMO), *QUIET, *options]
        with tempfile.TemporaryDirectory() as folder:
            times = measure(Path(folder), typed, given.rounds)
        shown = " ".join(f"{value:10.1f} s" for value in times.values())
        print(f"{name:18} {shown}  {times['further'] / times['alone']:.2f}", flush=True)


if __name__ == "__main__":
    main()
