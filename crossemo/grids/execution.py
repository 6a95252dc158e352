"""One run of a grid, in this process: begun or gone on with, and ended for good."""

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from crossemo.commands.imports import load
from crossemo.commands.messages import quieten, sentence_of
from crossemo.errors import CrossEmoError
from crossemo.files import sync, write_text
from crossemo.grids.home import (
    OUTCOME,
    OUTPUT,
    PROGRESS,
    attempts_in,
    home_of,
    locked,
    outcome_in,
    write_outcome,
)
from crossemo.grids.outcome import Outcome
from crossemo.grids.plan import Run


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
    with locked(home, wait):
        outcome = outcome_in(home)
        if outcome and (outcome.done or (since and outcome.later_than(since))):
            return outcome
        about = {
            "attempt": attempts_in(home) + 1,
            "begun": datetime.now().astimezone().isoformat(timespec="milliseconds"),
            "machine": socket.gethostname(),
            "process": os.getpid(),
        }
        outcome = _attempt(run, home, about)
        write_outcome(home, outcome)
    return outcome


def _attempt(run: Run, home: Path, about: dict[str, Any]) -> Outcome:
    start, version = monotonic(), None
    try:
        write_text(home / PROGRESS, json.dumps(about))
        (home / OUTCOME).unlink(missing_ok=True)  # of a failure, which is over
        with _printing_to(home / OUTPUT):
            print(f"== attempt {about['attempt']}, {about['begun']}")
            sentence = _fit(run, home, about)
        if sentence is None:
            version = _sync_results(home)
    except (CrossEmoError, OSError) as error:
        sentence = sentence_of(error)
    return Outcome.now(sentence, version, monotonic() - start, about["attempt"])


def _fit(run: Run, home: Path, about: dict[str, Any]) -> str | None:
    """Fit, from the last checkpoint where there is one; return why that failed."""
    from crossemo.callbacks.progress import ProgressFile  # takes seconds

    quieten()
    progress = ProgressFile(home / PROGRESS, about)
    if last := _last_checkpoint(home):
        sentence = _launch(["fit", *run.words, f"--ckpt_path={last}"], progress)
        if sentence is None or progress.begun:
            return sentence
        print(f"The run can't go on from {last} and begins anew.", file=sys.stderr)
    return _launch(["fit", *run.words], progress)


def _launch(words: Sequence[str], observer: Any) -> str | None:  # noqa: ANN401
    """Run a command; return the sentence of a failure.

    Raises:
        SystemExit: The process was asked to end, or to be queued again.
    """
    try:
        load("launch").launch(words, [observer])
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    except SystemExit as exit:
        if exit.code != 2:  # which the parser of options gives, having said why
            raise
        return " ".join(exit.__notes__)
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            traceback.print_exc()
            sentence = traceback.format_exception_only(error)[-1].strip()
        print(f"crossemo: {sentence}", file=sys.stderr)
        return sentence
    return None


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
            "It left no results: leave trainer.fast_dev_run and whatever else keeps "
            "a run from being recorded out of a grid."
        )
    version = max(folders)
    for path in [*folders[version].rglob("*"), folders[version]]:
        sync(path)
    return version


@contextmanager
def _printing_to(path: Path) -> Iterator[None]:
    """Have all that this process prints added to a file, libraries in C included."""
    with (
        path.open("a", 1, encoding="utf-8", errors="backslashreplace") as file,
        redirect_stdout(file),
        redirect_stderr(file),
    ):
        terminal = [os.dup(number) for number in (1, 2)]
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            for number, place in enumerate(terminal, 1):
                os.dup2(place, number)
                os.close(place)
