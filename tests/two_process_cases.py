"""Trains in one process and in two; prints where they part.

Runs as a process of its own, without threads, so that it can fork.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from tests.forking import run

EPOCHS = 2


def weights(folder: Path, stage: str) -> dict[str, torch.Tensor]:
    path = folder / "logs" / "run" / "version_0" / "checkpoints" / f"{stage}.ckpt"
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


def compare(folder: Path, typed: list[str]) -> dict[str, Any]:
    """Return whether ranks agree to the bit, and how far one process is from two."""
    one, two = folder / "one", folder / "two"
    for place in (one, two):
        place.mkdir(parents=True)
    run(one, [*typed, "--data.batch_size=8"])
    run(two, [*typed, "--data.batch_size=4"], processes=2)
    digests = [
        [(two / f"digest-{rank}-{epoch}").read_text() for epoch in range(EPOCHS)]
        for rank in (0, 1)
    ]
    far = 0.0
    for stage in ("source", "target"):
        ours, theirs = weights(one, stage), weights(two, stage)
        assert ours.keys() == theirs.keys()
        for name, tensor in ours.items():
            far = max(far, float((tensor - theirs[name]).double().abs().max()))
    moved = len(set(digests[0])) == EPOCHS
    return {"ranks_agree": digests[0] == digests[1], "far": far, "moved": moved}


if __name__ == "__main__":
    torch.set_num_threads(1)
    arguments = json.loads(sys.argv[1])
    folder = Path(arguments["folder"])
    report = {
        name: compare(folder / name, arguments["typed"] + more)
        for name, more in arguments["cases"].items()
    }
    (folder / "report.json").write_text(json.dumps(report))
