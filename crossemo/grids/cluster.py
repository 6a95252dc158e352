"""The runs of a grid as jobs of a cluster: submitted, watched, left to themselves."""

import logging
import signal
from collections import deque
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from filelock import Timeout

from crossemo.errors import CrossEmoError
from crossemo.grids.home import (
    attempts_in,
    home_of,
    locked,
    outcome_in,
    write_outcome,
)
from crossemo.grids.jobs import (
    Job,
    State,
    job_in,
    sentence_of_loss,
    state_of,
    states_of,
)
from crossemo.grids.live import Board
from crossemo.grids.outcome import Outcome
from crossemo.grids.plan import Plan, Run
from crossemo.grids.submission import ClusterOptions, submit

logger = logging.getLogger(__name__)

LOOK = 5.0  # seconds between two looks at the queue, which serves many
REST = "Jobs go on without this command: give it again to see how far they are."
PATIENCE = 60.0  # seconds until a file that a node wrote is seen on another machine


def submit_all(plan: Plan, options: ClusterOptions) -> list[Outcome]:
    """Hand all runs of a plan to a cluster, wait, and return what became of each.

    What is done, by any grid, is passed over; what a job has already is waited for;
    what failed or was lost is submitted again.

    Args:
        plan: The runs.
        options: What a job is.

    Raises:
        CrossEmoError: There is no such cluster here, or it refuses the jobs.
        SystemExit: Ctrl-C (130). The jobs go on.
    """
    watch = Watch(plan, options)
    try:
        watch.run()
    except KeyboardInterrupt:
        raise SystemExit(128 + signal.SIGINT) from None
    return [watch.outcomes[run.digest] for run in plan.runs]


class Watch:
    """The jobs of a plan's runs.

    Args:
        plan: The runs.
        options: What a job is.

    Attributes:
        outcomes: What became of the runs that ended, by digest.
        jobs: Jobs that are not over, by the digest of their run.
    """

    def __init__(self, plan: Plan, options: ClusterOptions) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.jobs: dict[str, Job] = {}
        self._plan, self._options = plan, options
        self._handles: dict[str, Any] = {}  # submitit's, of jobs on this machine
        self._elsewhere: set[str] = set()  # digests of runs that no job of ours has
        self._failures: dict[str, Outcome | None] = {}  # earlier ones
        self._silent: dict[str, float] = {}  # since when a job is over without outcome
        self._left: dict[str, Run] = {}
        for run in plan.runs:
            outcome = outcome_in(self._home(run))
            if outcome and outcome.done:
                self.outcomes[run.digest] = outcome
            else:
                self._left[run.digest], self._failures[run.digest] = run, outcome
        self._waiting = deque(self._free())

    def run(self) -> None:
        """Submit and watch until all runs have ended."""
        if not self._left:
            return
        jobs = min(self._options.parallel, len(self._left))
        with Board(self._plan, self.outcomes, jobs, REST) as board:
            while self._left:
                self._submit()
                board.show([self._left[digest] for digest in self._look()])
                sleep(LOOK if self._left else 0)

    def _home(self, run: Run) -> Path:
        return home_of(run.digest, self._plan.logs)

    def _free(self) -> list[Run]:
        """Return the runs that nobody is at, and note which job has the others."""
        jobs = {digest: job_in(self._home(run)) for digest, run in self._left.items()}
        known = {digest: job for digest, job in jobs.items() if job is not None}
        words = states_of(known.values())
        runs = []
        for digest, run in self._left.items():
            if digest in known and state_of(words.get(known[digest].number)):
                self.jobs[digest] = known[digest]
            elif _locked(self._home(run)):
                self._elsewhere.add(digest)
            else:
                runs.append(run)
        return runs

    def _submit(self) -> None:
        """Submit what waits: to SLURM, which has a queue, all of it."""
        slurm = self._options.scheduler == "slurm"
        room = len(self._waiting) if slurm else self._options.parallel - len(self.jobs)
        runs = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
        if not runs:
            return
        handles = submit(runs, self._plan, self._options)
        for run, handle in zip(runs, handles, strict=True):
            job = Job(handle.job_id, str(handle.paths.stderr))
            self.jobs[run.digest] = job
            if slurm:
                self._home(run).mkdir(parents=True, exist_ok=True)
                job.write(self._home(run))
            else:
                self._handles[run.digest] = handle

    def _look(self) -> list[str]:
        """Note what has ended; return the digests of the runs under way."""
        try:
            words = states_of(
                job for digest, job in self.jobs.items() if digest not in self._handles
            )
        except CrossEmoError as error:  # for a while, as a busy controller does
            logger.warning(str(error))
            return []
        running = []
        for digest, run in list(self._left.items()):
            state = self._state(digest, words)
            outcome = outcome_in(self._home(run))  # which was written before that
            ends = state is None or digest not in self._handles  # as a process must
            if ends and outcome and outcome != self._failures[digest]:
                self._end(digest, outcome)
            elif state == "running":
                running.append(digest)
            elif state is None and digest in self._elsewhere:
                self._elsewhere.remove(digest)
                self._waiting.append(run)
            elif state is None and digest in self.jobs:
                self._miss(digest, words.get(self.jobs[digest].number))
            if state:
                self._silent.pop(digest, None)
        return running

    def _state(self, digest: str, words: dict[str, str]) -> State | None:
        if digest in self._elsewhere:
            return "running" if _locked(self._home(self._left[digest])) else None
        if digest in self._handles:
            return None if self._handles[digest].done() else "running"
        job = self.jobs.get(digest)
        return state_of(words.get(job.number)) if job else "queued"

    def _miss(self, digest: str, word: str | None) -> None:
        """Give up a run whose job is over when its outcome should be seen by now."""
        if monotonic() - self._silent.setdefault(digest, monotonic()) < PATIENCE:
            return
        home = self._home(self._left[digest])
        sentence = sentence_of_loss(self.jobs[digest], word)
        outcome = Outcome.now(sentence, None, 0.0, attempts_in(home))
        with suppress(OSError, Timeout), locked(home, wait=False):
            write_outcome(home, outcome)
        self._end(digest, outcome)

    def _end(self, digest: str, outcome: Outcome) -> None:
        self.outcomes[digest] = outcome
        del self._left[digest]
        self.jobs.pop(digest, None)
        self._handles.pop(digest, None)
        self._elsewhere.discard(digest)


def _locked(home: Path) -> bool:
    """Return whether a process is at a run."""
    if not home.is_dir():
        return False
    try:
        with locked(home, wait=False):
            return False
    except Timeout:
        return True
