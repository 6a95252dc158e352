"""A grid in a process of its own, which can be killed: `python -m tests.grids.process`.

Takes, as JSON, the folder of logs, words by label, and how many run at once.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from crossemo.commands.messages import quieten
from crossemo.grids.schedule import run_all
from tests.grids.runs import ROOT, plan_of, run_of


@contextmanager
def grid_of(
    logs: Path, runs: Mapping[str, Sequence[str]], jobs: int = 2
) -> Iterator[subprocess.Popen[str]]:
    """Begin a grid that says what it does on a pipe; kill it if it is still there."""
    given = json.dumps([str(logs), dict(runs), jobs])
    command = [sys.executable, "-m", "tests.grids.process", given]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    grid = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield grid
    finally:
        grid.kill()
        grid.wait()
        assert grid.stderr is not None
        grid.stderr.close()


if __name__ == "__main__":
    quieten()
    folder, words, count = json.loads(sys.argv[1])
    chosen = [run_of(label, Path(folder), *more) for label, more in words.items()]
    run_all(plan_of(Path(folder), chosen), count)
