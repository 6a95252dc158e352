"""Kills commands at random moments; compares what they come to with a run undisturbed.

`python -m tests.benchmarks.bench_kills --kills 20` kills each of a fit in two stages
(anywhere, and while its best weights are tested), a layerwise run and `crossemo fad`,
lets it go on as a user would, and prints how many came to other results. All of them
share one cache, so that it is killed too. Give `--folder`, `--cache` and `--tmp` on
three file systems to see what crosses them.
"""

import argparse
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from tests.forking import begin, end

DEMO = [
    *("--config=demo.yaml", "--data.source.takes=1", "--data.target.takes=1"),
    *("--data.source.speakers=6", "--data.target.speakers=6", "--name=run"),
    "--trainer.enable_progress_bar=false",
]
STAGES = ["--stages.source.max_epochs=3", "--stages.target.max_epochs=3"]
PROBES = ["--model.references=[]", "--model.shuffles=1", "--model.folds=[0, 1]"]
TABLES = ("layers.csv", "layer_pairs.csv", "layer_similarity.csv", "fad.csv")
PAUSE = 0.002


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    Args:
        typed: What is typed.
        begun: Whether its folder shows that the part has begun which is to be killed.
        goes_on: Whether it goes on by `--ckpt_path last`, or is typed once more.
    """

    typed: list[str]
    begun: Callable[[Path], bool] = field(default=lambda folder: True)
    goes_on: bool = True


def tests_begun(folder: Path) -> bool:
    return "Restoring states" in (folder / "output").read_text()


def commands(sounds: Path) -> dict[str, Command]:
    fit = ["fit", *DEMO, *STAGES, "--fad.enabled=false"]
    layers = ["fit", "--config=layerwise/demo.yaml", *DEMO[1:], *PROBES]
    domains = [str(sounds / name) for name in ("speech", "song")]
    fad = ["fad", *domains, "--encoder=tiny", "--name=run"]
    return {
        "fit": Command([*fit, "--save_every_n_steps=1"]),
        "tests": Command(fit, tests_begun),
        "layerwise": Command(layers),
        "fad": Command([*fad, "--estimate.permutations=19"], goes_on=False),
    }


def newest(folder: Path, name: str) -> Path | None:
    files = folder.glob(f"logs/run/version_*/{name}")
    number = "version_"
    return max(
        files,
        key=lambda path: int(str(path).partition(number)[2].partition("/")[0]),
        default=None,
    )


def results(folder: Path) -> dict[str, Any]:
    """Return what a run in a folder came to: scores, weights and tables."""
    found: dict[str, Any] = {}
    if (path := newest(folder, "results.json")) is not None:
        content = json.loads(path.read_text())
        found |= {k: content[k] for k in ("stages", "comparisons") if k in content}
    for name in TABLES:
        if (path := newest(folder, name)) is not None:
            found[name] = path.read_text()
    if "stages" in found:
        last = newest(folder, "checkpoints/last.ckpt")
        assert last is not None
        weights = torch.load(last, weights_only=True)["state_dict"]
        found["weights"] = {name: one.tolist() for name, one in weights.items()}
    return found


def run(folder: Path, command: Command) -> float:
    """Run a command undisturbed; return the seconds since its part began."""
    folder.mkdir(parents=True)
    child = begin(folder, command.typed)
    began = wait_for(command, folder, child)
    assert end(child) == 0, (folder / "output").read_text()[-3000:]
    return time.monotonic() - began


def wait_for(command: Command, folder: Path, child: int) -> float:
    while not ((folder / "output").exists() and command.begun(folder)):
        assert Path(f"/proc/{child}").exists()
        time.sleep(PAUSE)
    return time.monotonic()


def kill(folder: Path, command: Command, moment: float) -> str:
    """Kill a command a moment after its part began and finish it."""
    folder.mkdir()
    child = begin(folder, command.typed)
    wait_for(command, folder, child)
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    if end(child) == 0:
        return "over"
    last = newest(folder, "checkpoints/last.ckpt")
    more = ["--ckpt_path=last"] if command.goes_on and last is not None else []
    code = end(begin(folder, [*command.typed, *more]))
    return "went on" if code == 0 else (folder / "output").read_text()[-3000:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--only", nargs="*", help="commands to kill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--tmp", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    home = Path(tempfile.mkdtemp(prefix="kills-", dir=options.folder))
    cache = tempfile.mkdtemp(prefix="kills-", dir=options.cache or home)
    os.environ["CROSSEMO_CACHE"] = cache
    if options.tmp is not None:
        tempfile.tempdir = os.environ["TMPDIR"] = str(options.tmp)
    rng = random.Random(options.seed)
    bad = 0
    for name, command in commands(write_sounds(home)).items():
        if options.only and name not in options.only:
            continue
        began = time.monotonic()
        seconds = run(home / name / "whole", command)
        expected = results(home / name / "whole")
        assert expected
        ends: dict[str, int] = {}
        for number in range(options.kills):
            folder = home / name / str(number)
            ended = kill(folder, command, rng.uniform(0, seconds))
            if results(folder) != expected:
                ended = f"other results: {ended}"
                bad += 1
                print(name, number, ended)
            ends[ended[:13]] = ends.get(ended[:13], 0) + 1
            shutil.rmtree(folder)
        whole, took = f"{seconds:.1f} s", f"{time.monotonic() - began:.0f} s"
        print(f"{name}: {ends}; undisturbed {whole}, all {took}", flush=True)
    shutil.rmtree(home)
    shutil.rmtree(cache, ignore_errors=True)
    raise SystemExit(bad > 0)


def write_sounds(home: Path) -> Path:
    """Write two domains of made-up sounds in folders by emotion and speaker."""
    import numpy as np
    import soundfile

    rng = np.random.default_rng(0)
    time_line = np.arange(9600) / 16_000
    for base, domain in ((200, "speech"), (300, "song")):
        for shift, emotion in enumerate(("angry", "sad")):
            for speaker in range(4):
                for take in range(2):
                    path = home / domain / emotion / f"{speaker:02d}" / f"{take}.wav"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    pitch = base * (1 + shift) + 10 * speaker + 3 * take
                    tone = 0.3 * np.sin(2 * np.pi * pitch * time_line)
                    noise = 0.02 * rng.standard_normal(len(time_line))
                    soundfile.write(path, tone + noise, 16_000)
    return home


if __name__ == "__main__":
    main()
