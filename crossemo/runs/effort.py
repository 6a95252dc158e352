"""What every run says of itself: versions, device, time, memory."""

import os
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any

import torch

LIBRARIES = (
    "lightning",
    "numpy",
    "peft",
    "scipy",
    "soxr",
    "torchmetrics",
    "transformers",
)


class Effort:
    """Time and memory that a run takes, from when this object is made.

    A run that goes on from a checkpoint adds the time that had passed when that was
    written; what was lost after it does not count.
    """

    def __init__(self) -> None:
        self._start = monotonic()  # which a clock that is put back doesn't change
        self._before: dict[str, Any] = {"seconds": 0.0, "memory": {}}

    def state_dict(self) -> dict[str, Any]:
        """Return the time so far in seconds, and the most memory so far in bytes."""
        before = self._before["memory"]
        memory = {
            name: max(size, before.get(name, 0))
            for name, size in _peak_memory().items()
        }
        seconds = self._before["seconds"] + monotonic() - self._start
        return {"seconds": seconds, "memory": before | memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Add the time of the run that goes on."""
        self._before = {"seconds": float(state["seconds"]), "memory": state["memory"]}

    def describe(self, command: str, device: torch.device) -> dict[str, Any]:
        """Return the facts that the results of every command hold, ready for JSON.

        Args:
            command: The command, such as `fit`.
            device: Where the encoder runs.
        """
        state = self.state_dict()
        cuda = device.type == "cuda"
        name = torch.cuda.get_device_name(device) if cuda else platform.machine()
        return {
            "command": command,
            "versions": {
                "python": platform.python_version(),
                **{library: version(library) for library in LIBRARIES},
                "torch": str(torch.__version__),  # with that of CUDA
            },
            "device": {
                "type": device.type,
                "name": name,
                "threads": torch.get_num_threads(),
            },
            "run_seconds": round(state["seconds"], 3),
            "peak_memory_bytes": state["memory"],
        }


def _peak_memory() -> dict[str, int]:
    """Return the most memory that this process has had, and on its GPU, in bytes."""
    process, peaks = _peak_of_process(), {}
    if process is not None:
        peaks["process"] = process
    if torch.cuda.is_available():
        peaks["gpu"] = torch.cuda.max_memory_allocated()
    return peaks


def _peak_of_process() -> int | None:
    """Return the most memory of this process in bytes; None where no system says.

    Linux's `getrusage` counts the process that started this one too: a notebook of
    3 GB would lend its size to each run that it starts. `/proc` begins at `exec`.
    """
    status = Path("/proc/self/status")
    if status.exists():
        peak = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        if peak is not None:
            return int(peak[1]) * 1024
    if os.name == "posix":
        from resource import RUSAGE_SELF, getrusage

        unit = 1 if sys.platform == "darwin" else 1024
        return getrusage(RUSAGE_SELF).ru_maxrss * unit
    return None
