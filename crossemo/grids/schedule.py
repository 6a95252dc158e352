"""The runs of a grid, side by side on this machine."""

import logging
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import forkserver
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import sleep
from types import FrameType

from filelock import Timeout

from crossemo.grids.child import BUSY, UNWRITTEN, run_child
from crossemo.grids.home import (
    OUTPUT,
    attempts_in,
    home_of,
    locked,
    outcome_in,
    write_outcome,
)
from crossemo.grids.live import Board
from crossemo.grids.outcome import Outcome
from crossemo.grids.places import Places
from crossemo.grids.plan import Plan, Run

logger = logging.getLogger(__name__)

LOOK = 0.5  # seconds between two looks at the runs under way
STARTS = 10  # how often a process is started until it is given up
UNKNOWN = 255  # status of a child whose server was killed


def run_all(plan: Plan, jobs: int | None = None, retries: int = 1) -> list[Outcome]:
    """Bring all runs of a plan to their ends, and return what became of each.

    What is done, by any grid, is passed over; what was cut off goes on; what fails
    stops nothing else.

    Args:
        plan: The runs.
        jobs: How many run at once; if None, one on each GPU, or as many as the
            processors bear.
        retries: How often a run whose process was killed is tried again.

    Raises:
        SystemExit: The process was asked to end, by Ctrl-C (130) or SIGTERM (143). The
            runs have saved where they were.
    """
    schedule = Schedule(plan, Places.of(plan, jobs), retries)
    with _signals() as signals:
        schedule.run(signals)
    if signals:
        raise SystemExit(128 + signals[0])
    return [schedule.outcomes[run.digest] for run in plan.runs]


@dataclass
class _Try:
    """A run that is to be tried."""

    run: Run
    wait: bool = False  # for another process that is at it
    deaths: int = 0


class Schedule:
    """The runs of a plan: queued, under way, and ended.

    Args:
        plan: The runs.
        places: Where they can run at once.
        retries: How often one whose process was killed is tried again.

    Attributes:
        outcomes: What became of the runs that ended, by digest.
    """

    def __init__(self, plan: Plan, places: Places, retries: int) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._plan, self._places, self._retries = plan, places, retries
        self._begun = datetime.now().astimezone()
        self._context = multiprocessing.get_context("forkserver")
        self._asked = 0  # signals that were passed on
        self._running: dict[BaseProcess, tuple[_Try, int]] = {}
        for run in plan.runs:
            outcome = outcome_in(home_of(run.digest, plan.logs))
            if outcome and outcome.done:
                self.outcomes[run.digest] = outcome
        unique = {run.digest: run for run in plan.runs}
        left = [run for run in unique.values() if run.digest not in self.outcomes]
        self._queue = deque(_Try(run) for run in left)

    def run(self, signals: Sequence[int]) -> None:
        """Run them all, or until there is a signal.

        Args:
            signals: The numbers of those that came; the first asks the children to end,
                the next kills them.
        """
        if not self._queue:
            return
        logger.info(str(self._places))
        _start_server(self._places)
        with Board(self._plan, self.outcomes, len(self._places)) as board:
            while self._running or (self._queue and not signals):
                while self._queue and not signals and self._places.free:
                    self._begin(self._queue.popleft())
                wait_for([child.sentinel for child in self._running], LOOK)
                for child in [one for one in self._running if not one.is_alive()]:
                    self._end(child, bool(signals))
                self._ask(signals)
                board.show([attempt.run for attempt, _ in self._running.values()])

    def _ask(self, signals: Sequence[int]) -> None:
        """Pass the signals on that came since, once to each child."""
        for number in range(self._asked, len(signals)):
            for child in self._running:
                child.kill() if number else child.terminate()
        self._asked = len(signals)

    def _begin(self, attempt: _Try) -> None:
        place = self._places.take()
        environment = dict(os.environ) | self._places.environment(place)
        words = attempt.run, Path(self._plan.logs), environment, attempt.wait
        child = self._context.Process(target=run_child, args=(*words, self._begun))
        for _ in range(STARTS):
            with suppress(EOFError, ConnectionError):  # the server was killed just now
                child.start()
                break
            sleep(LOOK)
        else:
            child.start()
        self._running[child] = attempt, place

    def _end(self, child: BaseProcess, ending: bool) -> None:
        attempt, place = self._running.pop(child)
        self._places.give_back(place)
        run, status = attempt.run, child.exitcode
        home = home_of(run.digest, self._plan.logs)
        if status == 0 and (outcome := outcome_in(home)):
            self.outcomes[run.digest] = outcome
        elif ending:
            return
        elif status == BUSY:
            self._queue.append(_Try(run, wait=True, deaths=attempt.deaths))
        elif status != UNWRITTEN and attempt.deaths < self._retries:
            wait = attempt.wait or status == UNKNOWN  # as it may live on
            self._queue.append(_Try(run, wait, attempt.deaths + 1))
        else:
            self._fail(run, _sentence(status, home))

    def _fail(self, run: Run, sentence: str) -> None:
        home = home_of(run.digest, self._plan.logs)
        outcome = Outcome.now(sentence, None, 0.0, attempts_in(home))
        self.outcomes[run.digest] = outcome
        with suppress(OSError, Timeout), locked(home, wait=False):
            write_outcome(home, outcome)


def _sentence(status: int | None, home: Path) -> str:
    """Return why a process came to no outcome."""
    output = home / OUTPUT
    if status == UNWRITTEN:
        return f"{home} can't be written to: make room there, or give another --logs."
    if status == -signal.SIGKILL:
        return (
            "Its process was killed (SIGKILL), as the system does where memory is "
            f"short: run fewer at once. {output} has what it printed."
        )
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        return f"Its process was ended by {name}: {output} has what it printed."
    return f"Its process ended with status {status}: {output} has what it printed."


def _start_server(places: Places) -> None:
    """Start the process that the runs are forked from, which imports what they need."""
    forkserver.set_forkserver_preload(["crossemo.grids.preload"])
    before = dict(os.environ)
    # Ctrl-C is the grid's alone. Libraries read the number of threads as they load.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(places.environment(None))
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, handler)
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Give a list to which the signals that ask the process to end are added."""
    signals: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        signals.append(number)

    before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
