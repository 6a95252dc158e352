"""What the runs of a grid fork from."""

import subprocess
import sys
from pathlib import Path

import pytest

LOOK = """
import os
import crossemo.grids.preload as preload
import sys, torch
print(*(name for name in preload.LATER if name not in sys.modules))
print(len(os.listdir("/proc/self/task")), torch.cuda.is_initialized())
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_the_imports_of_a_fit_start_no_thread_and_touch_no_gpu() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", LOOK]
    # Threads of a BLAS are another matter: it ends and begins them around a fork.
    environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    ended = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines() == ["", "1 False"]
