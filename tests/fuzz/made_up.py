"""A kind of input that shows every outcome, the first of each at its own number."""

import os
import time
from pathlib import Path

import numpy as np

from crossemo.errors import CrossEmoError

WORDS = (
    ("whole", ""),
    ("refused", "One sentence."),
    ("fault", "no sentence"),
    ("fault", "KeyError: 'key'"),
    ("fault", "died (3)"),
    ("fault", "died (-9)"),
    ("fault", "MB of memory"),
)


def make(rng: np.random.Generator, folder: Path) -> Path:
    path = folder / "what"
    path.write_text(str(rng.integers(len(WORDS))))
    return path


def use(path: Path) -> None:
    match int(path.read_text()):
        case 1:
            raise CrossEmoError("One sentence.")
        case 2:
            raise CrossEmoError("Two\nlines.")
        case 3:
            raise KeyError("key")
        case 4:
            os._exit(3)
        case 5:
            time.sleep(60)
        case 6:
            np.ones(60_000_000)
