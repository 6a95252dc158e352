"""Callbacks of runs that die, or wait to be met under way."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from lightning import Callback


class Dying(Callback):
    """Kills its process at a step.

    Args:
        step: The step.
        mark: A file that is there from then on, and has it live; always dies if None.
    """

    def __init__(self, step: int, mark: str | None = None) -> None:
        self.step, self.mark = step, None if mark is None else Path(mark)

    def on_train_batch_end(self, trainer: Any, *given: Any) -> None:
        if trainer.global_step == self.step and not (self.mark and self.mark.exists()):
            if self.mark:
                self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class Waiting(Callback):
    """Waits behind the first step until it may go on, or is told to end.

    Args:
        mark: A file that lets it go on.
    """

    def __init__(self, mark: str) -> None:
        self.mark = Path(mark)

    def on_train_batch_start(self, trainer: Any, *given: Any) -> None:
        while trainer.global_step and not self.mark.exists():
            if trainer.received_sigterm:
                return
            time.sleep(0.02)


class Costs(Callback):
    """Leaves the processor time of each process that runs, in seconds.

    Args:
        folder: Where to; a file of each process.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def teardown(self, *given: Any, **named: Any) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / str(os.getpid())).write_text(str(time.process_time()))


def callback(name: str, **arguments: object) -> str:
    """Return what adds one of them to a run."""
    settings = ", ".join(f"{key}: {value}" for key, value in arguments.items())
    path = f"{__name__}.{name}"
    return f"--trainer.callbacks+={{class_path: {path}, init_args: {{{settings}}}}}"
