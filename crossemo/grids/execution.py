"""One run of a grid, in this process: begun or gone on with, and ended for good."""

import json
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from filelock import FileLock

from crossemo.commands.imports import load
from crossemo.commands.messages import quieten, sentence_of
from crossemo.errors import CrossEmoError
from crossemo.files import sync, write_text
from crossemo.grids.outcome import (
    OUTCOME,
    Outcome,
    home_of,
    outcome_in,
    write_outcome,
)
from crossemo.grids.plan import Run

LOCK, OUTPUT, PROGRESS = ".lock", "output.txt", "progress.json"
LOOK = 0.5  # seconds between two looks at a lock that another process has


def execute(
    run: Run, logs: str | Path, wait: bool = True, since: datetime | None = None
) -> Outcome:
    """Bring a run to its end, unless it is done, and return what became of it.

    It goes on where its last attempt was cut off. What it prints is added to
    `output.txt`. A process that is asked to end (Ctrl-C, SIGTERM) ends, and leaves no
    outcome.

    Args:
        run: The run.
        logs: Folder of logs.
        wait: Whether to wait while another process is at this run.
        since: A failure that another process came to later than this stands, too; a
            time with its zone.

    Returns:
        The outcome, which is on the disk behind all other files of the run.

    Raises:
        filelock.Timeout: Another process is at it, and `wait` is false.
        OSError: The outcome can't be written.
    """
    home = home_of(run.digest, logs)
    home.mkdir(parents=True, exist_ok=True)
    with lock_of(home, wait):
        outcome = outcome_in(home)
        if outcome and (outcome.done or (since and outcome.later_than(since))):
            return outcome
        attempt = attempts_in(home) + 1
        about = {"attempt": attempt, "machine": socket.gethostname()}
        about |= {"process": os.getpid(), "begun": datetime.now().astimezone()}
        outcome = _attempt(run, home, about)
        end(home, outcome)
    return outcome


def lock_of(home: Path, wait: bool) -> FileLock:
    """Return the lock of a run, which its process holds as long as it lives."""
    return FileLock(home / LOCK, timeout=-1 if wait else 0, poll_interval=LOOK)


def end(home: Path, outcome: Outcome) -> None:
    """Write what became of a run.

    Raises:
        OSError: It can't be written.
    """
    write_outcome(home, outcome)
    with suppress(OSError):
        (home / PROGRESS).unlink(missing_ok=True)


def attempts_in(home: Path) -> int:
    """Return how often a run was begun or gone on with."""
    outcome = outcome_in(home)
    ended = outcome.attempts if outcome else 0
    return max(ended, int(progress_in(home).get("attempt", 0)))


def progress_in(home: Path) -> dict[str, Any]:
    """Return how far a run is that is under way or was cut off; empty if none is."""
    try:
        progress = json.loads((home / PROGRESS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return progress if isinstance(progress, dict) else {}


def _attempt(run: Run, home: Path, about: dict[str, Any]) -> Outcome:
    start, sentence, version = monotonic(), None, None
    try:
        about |= {"begun": about["begun"].isoformat(timespec="milliseconds")}
        write_text(home / PROGRESS, json.dumps(about))
        (home / OUTCOME).unlink(missing_ok=True)  # of a failure, which is over
        with _printing_to(home / OUTPUT):
            print(f"== attempt {about['attempt']}, {about['begun']}", flush=True)
            sentence = _fit(run, home, about)
        if sentence is None:
            version = _sync_results(home)
    except CrossEmoError as error:
        sentence = str(error)
    except OSError as error:
        sentence = sentence_of(error) or str(error)
    return Outcome.now(sentence, version, monotonic() - start, about["attempt"])


def _fit(run: Run, home: Path, about: dict[str, Any]) -> str | None:
    """Fit; return the sentence of a failure.

    Raises:
        SystemExit: The process was asked to end, or to be queued again.
    """
    quieten()
    launch = load("launch").launch
    from crossemo.callbacks.progress import ProgressFile

    last = _last_checkpoint(home)
    for more in ([f"--ckpt_path={last}"], []) if last else ([],):
        progress = ProgressFile(home / PROGRESS, about)
        try:
            launch(["fit", *run.words, *more], [progress])
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except SystemExit as exit:
            if exit.code != 2:  # which the parser gives, having said why
                raise
            return f"Its options are wrong: {home / OUTPUT} says how."
        except Exception as error:
            sentence = sentence_of(error)
            if sentence is None:
                traceback.print_exc()
                sentence = traceback.format_exception_only(error)[-1].strip()
            print(sentence, file=sys.stderr)
            if not more or progress.trains or isinstance(error, (OSError, MemoryError)):
                return sentence
            print(f"It can't go on from {last} and begins anew.", file=sys.stderr)
        else:
            return None
    return sentence


def _last_checkpoint(home: Path) -> str | None:
    """Return the checkpoint to go on from; None if the run must begin anew."""
    from crossemo.runs.folder import find_checkpoint

    try:
        return find_checkpoint("last", home)
    except CrossEmoError:
        return None


def _sync_results(home: Path) -> int:
    """Wait until all results are on the disk; return the number of their version.

    Raises:
        CrossEmoError: There are none.
        OSError: They can't be written.
    """
    folders = {
        int(path.parent.name.removeprefix("version_")): path.parent
        for path in home.glob("version_*/results.json")
    }
    if not folders:
        raise CrossEmoError(
            "It left no results: a run of a grid must be recorded, so leave "
            "trainer.fast_dev_run out."
        )
    version = max(folders)
    for path in folders[version].rglob("*"):
        sync(path)
    sync(folders[version])
    return version


@contextmanager
def _printing_to(path: Path) -> Iterator[None]:
    """Have all that this process prints added to a file, libraries in C included."""
    streams = (sys.stdout, sys.stderr)
    terminal = [os.dup(number) for number in (1, 2)]
    for stream in streams:
        stream.flush()
    with path.open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    try:
        yield
        for stream in streams:
            stream.flush()
    finally:
        for number, place in enumerate(terminal, 1):
            os.dup2(place, number)
            os.close(place)
