"""One input, and what became of it."""

import resource
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from crossemo.errors import CrossEmoError
from tests.fuzz import kinds

MEMORY = 2 << 30  # bytes that a process may fill
GUARD = 8 << 30  # bytes that it may ask for, so that the machine survives


class Outcome(NamedTuple):
    """What became of an input.

    Args:
        word: `whole`, `refused` or `fault`.
        text: The sentence of a refusal, or what is wrong.
    """

    word: str
    text: str = ""


def write(kind: str, seed: int, number: int, folder: Path) -> Path:
    """Write an input, the same for the same kind, seed and number."""
    rng = np.random.default_rng([seed, number])
    path: Path = kinds.kind(kind).make(rng, folder)
    return path


def try_out(
    kind: str, seed: int, number: int, folder: Path, memory: int = MEMORY
) -> Outcome:
    """Write an input and use it in this process, within some bytes of memory."""
    path = write(kind, seed, number, folder)
    _forget_peak()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = _use(kind, path)
    if (peak := _peak()) > memory:
        return Outcome("fault", f"{peak >> 20} MB of memory; {outcome}")
    return outcome


def limit_memory() -> None:
    """Let this process ask for some memory, but not for all."""
    size = int(Path("/proc/self/statm").read_text().split()[0])
    most = size * resource.getpagesize() + GUARD
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _use(kind: str, path: Path) -> Outcome:
    try:
        kinds.kind(kind).use(path)
    except CrossEmoError as error:
        sentence = str(error)
        if not sentence.strip() or "\n" in sentence:
            return Outcome("fault", f"no sentence: {sentence!r}")
        return Outcome("refused", sentence)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return Outcome("fault", "".join(traceback.format_exception(error)))
    return Outcome("whole")


def _forget_peak() -> None:
    with suppress(OSError):  # not every sandbox lets it be forgotten
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10
