"""Cuts a training off and goes on with another number of processes.

Runs as a process of its own, without threads, so that it can fork.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from tests.forking import run
from tests.killing import newest, weights

BATCHES = {1: "--data.batch_size=8", 2: "--data.batch_size=4"}
CUT = "tests.callbacks.cut.Cut"


def move(
    folder: Path, typed: list[str], processes: tuple[int, int], place: tuple[int, int]
) -> dict[str, Any]:
    """Return where a run went on, and its last weights."""
    folder.mkdir()
    cut = [f"--trainer.callbacks={CUT}", f"--trainer.callbacks.epoch={place[0]}"]
    cut.append(f"--trainer.callbacks.batch={place[1]}")
    first, second = processes
    run(folder, [*typed, BATCHES[first], *cut], processes=first)
    last = newest(folder)
    assert last is not None
    step = torch.load(last, weights_only=True)["global_step"]
    run(folder, [*typed, BATCHES[second], "--ckpt_path=last"], processes=second)
    return {"step": step, "weights": weights(folder)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    arguments = json.loads(sys.argv[1])
    folder, typed = Path(arguments["folder"]), arguments["typed"]
    (folder / "whole").mkdir()
    run(folder / "whole", [*typed, BATCHES[1]])
    whole = weights(folder / "whole")
    report = []
    for processes, place in arguments["moves"]:
        name = "-".join(map(str, (*processes, *place)))
        moved = move(folder / name, typed, tuple(processes), tuple(place))
        gaps = [(moved["weights"][key] - one).abs().max() for key, one in whole.items()]
        report.append({"step": moved["step"], "far": float(max(gaps))})
    (folder / "report.json").write_text(json.dumps(report))
