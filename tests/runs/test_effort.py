import subprocess
import sys

import pytest
import torch

from crossemo.runs import effort
from crossemo.runs.effort import Effort

CPU = torch.device("cpu")


def test_a_run_that_goes_on_adds_what_it_had_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(effort, "monotonic", lambda: now[0])
    monkeypatch.setattr(effort, "_peak_memory", lambda: {"process": 5})
    first = Effort()
    now[0] = 130.0
    saved = first.state_dict() | {"memory": {"process": 7, "gpu": 3}}
    now[0] = 1000.0  # what is lost after the checkpoint, and the pause, don't count
    second = Effort()
    second.load_state_dict(saved)
    now[0] = 1012.5
    facts = second.describe("fit", CPU)
    assert facts["run_seconds"] == 42.5
    assert facts["peak_memory_bytes"] == {"process": 7, "gpu": 3}


def test_the_peak_is_at_least_what_was_asked_for() -> None:
    before = Effort().state_dict()["memory"]["process"]
    block = bytearray(before + 200_000_000)  # zeros that are touched below
    block[::4096] = b"\1" * len(block[::4096])
    facts = Effort().describe("fad", CPU)
    assert facts["peak_memory_bytes"]["process"] > 200_000_000
    assert facts["device"]["type"] == "cpu"


def test_a_run_is_not_told_the_memory_of_what_started_it() -> None:
    alone = (
        "from crossemo.runs.effort import Effort;"
        "print(Effort().state_dict()['memory']['process'])"
    )
    size = 1_500_000_000
    notebook = (
        "import subprocess, sys\n"
        f"block = bytearray({size})\n"
        f"block[::4096] = b'.' * len(range(0, {size}, 4096))\n"
        f"subprocess.run([sys.executable, '-c', {alone!r}], check=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", notebook], capture_output=True, text=True, check=True
    )
    assert 50_000_000 < int(done.stdout) < size


def test_versions_are_those_that_run() -> None:
    versions = Effort().describe("fit", CPU)["versions"]
    assert versions["torch"] == torch.__version__
    names = {"python", "lightning", "transformers", "peft", "numpy", "soxr"}
    assert names <= set(versions)
