"""A training that takes its time."""

from time import sleep
from typing import Any

from lightning import Callback


class Slow(Callback):
    """Waits before every batch, so that there is time to disturb it."""

    def on_train_batch_start(self, *given: Any) -> None:
        sleep(0.3)
