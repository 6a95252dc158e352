"""Callbacks of runs that die, or take long enough to be met under way."""

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


class Slow(Callback):
    """Makes every batch take a while.

    Args:
        seconds: How long.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def on_train_batch_start(self, *given: Any) -> None:
        time.sleep(self.seconds)


def callback(name: str, **arguments: object) -> str:
    """Return what adds one of them to a run."""
    settings = ", ".join(f"{key}: {value}" for key, value in arguments.items())
    path = f"{__name__}.{name}"
    return f"--trainer.callbacks+={{class_path: {path}, init_args: {{{settings}}}}}"
