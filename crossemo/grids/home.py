"""The folder of a run, which all grids share: its lock, its progress, its outcome."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from crossemo.files import write_text
from crossemo.grids.outcome import Outcome

HOME = "runs"  # below the logs, of the runs of all grids
LOCK, OUTCOME = ".lock", "outcome.json"
OUTPUT, PROGRESS = "output.txt", "progress.json"
LOOK = 0.5  # seconds between two looks at a lock that another process has


def home_of(digest: str, logs: str | Path) -> Path:
    """Return the folder of a run."""
    return Path(logs, HOME, digest)


@contextmanager
def locked(home: Path, wait: bool) -> Iterator[None]:
    """Have a run for this process alone, as long as it lives.

    Raises:
        filelock.Timeout: Another process has it, and `wait` is false.
    """
    with FileLock(home / LOCK).acquire(-1 if wait else 0, LOOK):
        yield


def outcome_in(home: Path) -> Outcome | None:
    """Return what became of a run; None if it hasn't ended, or nobody can read it."""
    try:
        content: dict[str, Any] = json.loads((home / OUTCOME).read_text("utf-8"))
        outcome = Outcome(**content)
        datetime.fromisoformat(outcome.ended)
    except (OSError, TypeError, ValueError):
        return None
    return outcome if outcome.state in ("done", "failed") else None


def write_outcome(home: Path, outcome: Outcome) -> None:
    """Write what became of a run, when all else is on the disk.

    Raises:
        OSError: The folder can't be written or the disk is full; then it has none.
    """
    write_text(home / OUTCOME, f"{json.dumps(asdict(outcome), indent=1)}\n")
    with suppress(OSError):
        (home / PROGRESS).unlink(missing_ok=True)


def progress_in(home: Path) -> dict[str, Any]:
    """Return how far a run is that is under way or was cut off; empty if none is."""
    try:
        progress = json.loads((home / PROGRESS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return progress if isinstance(progress, dict) else {}


def attempts_in(home: Path) -> int:
    """Return how often a run was begun or gone on with."""
    outcome = outcome_in(home)
    ended = outcome.attempts if outcome else 0
    return max(ended, int(progress_in(home).get("attempt", 0)))
