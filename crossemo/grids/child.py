"""The process of one run, a child of the grid's."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from datetime import datetime
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from threading import Thread

from filelock import Timeout

from crossemo.commands.streams import open_streams
from crossemo.grids.execution import execute
from crossemo.grids.places import THREADS
from crossemo.grids.plan import Run

# Exit statuses, as sysexits.h has them.
BUSY = 75  # another process is at the run
UNWRITTEN = 74  # its outcome can't be written


def run_child(
    run: Run,
    logs: Path,
    environment: Mapping[str, str],
    wait: bool,
    since: datetime,
) -> None:
    """Execute a run and exit.

    Args:
        run: The run.
        logs: Folder of logs.
        environment: All variables of the environment.
        wait: As in `execute`.
        since: As in `execute`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the grid asks by SIGTERM
    Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    if (threads := environment.get(THREADS, "")).isdigit():
        import torch

        torch.set_num_threads(int(threads))
    # Clips are loaded as in a run that was started alone.
    multiprocessing.set_start_method(None, force=True)
    open_streams()
    try:
        execute(run, logs, wait, since)
    except Timeout:
        sys.exit(BUSY)
    except OSError:
        sys.exit(UNWRITTEN)


def _end_with_parent() -> None:
    """Have this process end, and save where it is, when the grid's is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
