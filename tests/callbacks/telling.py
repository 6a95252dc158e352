"""Tells how far a training is."""

from pathlib import Path
from typing import Any

from lightning import Callback


class Telling(Callback):
    """Adds a byte to `begun`, in the working folder, whenever a batch begins."""

    def on_train_batch_start(self, *given: Any) -> None:
        with Path("begun").open("ab") as file:
            file.write(b".")
