"""What a grid is at: a live table on a terminal, and a line an event elsewhere."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from crossemo.errors import shortened
from crossemo.grids.home import home_of, progress_in
from crossemo.grids.outcome import Outcome
from crossemo.grids.plan import Plan, Run

logger = logging.getLogger(__name__)

ALL = 24  # runs up to which each has a row
FAILURES = 10  # rows of the latest ones


class Board:
    """Shows which runs are queued, under way, done and failed.

    Args:
        plan: The runs.
        outcomes: What became of those that ended, by digest, as it grows.
        jobs: How many run at once.
        rest: What is to be known in the end of runs that are left.
        console: Where to; standard error if None.
    """

    def __init__(
        self,
        plan: Plan,
        outcomes: Mapping[str, Outcome],
        jobs: int,
        rest: str = "The same command goes on where it was cut off.",
        console: Console | None = None,
    ) -> None:
        self._runs = {run.digest: run for run in plan.runs}
        self._logs, self._outcomes, self._jobs = plan.logs, outcomes, jobs
        self._rest = rest
        self._console = console or Console(stderr=True)
        self._live: Live | None = None
        self._ended, self._begun = set(outcomes), set[str]()
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        else:
            logger.info(f"{self._summary({})}.")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Show what is left at the end."""
        if self._live is not None:
            self._live.update(self.table({}))
            self._live.stop()
        else:
            logger.info(f"{self._summary({})}.")
        if len(self._outcomes) < len(self._runs):
            logger.info(self._rest)

    def show(self, running: Sequence[Run]) -> None:
        """Show how things are.

        Args:
            running: The runs under way.
        """
        progress = {
            run.digest: progress_in(home_of(run.digest, self._logs)) for run in running
        }
        if self._live is not None:
            self._live.update(self.table(progress))
        else:
            self._say(progress)

    def table(self, progress: Mapping[str, Mapping[str, Any]]) -> RenderableType:
        """Return the table.

        Args:
            progress: How far the runs under way are, by digest.
        """
        table = Table(box=None, pad_edge=False)
        for name in ("run", "", "at"):
            table.add_column(name, overflow="fold", ratio=1 if name == "at" else None)
        for digest in self._rows(progress):
            label, outcome = self._runs[digest].label, self._outcomes.get(digest)
            if digest in progress:
                share = float(progress[digest].get("share", 0.0))
                bar = ProgressBar(total=1.0, completed=share, width=20)
                table.add_row(Text(label), bar, Text(place(progress[digest])))
            elif outcome is None:
                table.add_row(Text(label), Text("queued", "dim"), "")
            elif outcome.done:
                took = span(outcome.seconds)
                table.add_row(Text(label), Text("done", "green"), took)
            else:
                state, why = Text("failed", "bold red"), Text(outcome.sentence or "")
                table.add_row(Text(label), state, why)
        return Group(table, Text(self._summary(progress), "bold"))

    def _rows(self, running: Collection[str]) -> Iterator[str]:
        """Yield the runs that have a row: of many, those under way and failures."""
        if len(self._runs) <= ALL:
            yield from self._runs
            return
        yield from running
        failures = [key for key, one in self._outcomes.items() if not one.done]
        yield from failures[-FAILURES:]

    def _summary(self, progress: Mapping[str, Mapping[str, Any]]) -> str:
        done = sum(outcome.done for outcome in self._outcomes.values())
        failed, running = len(self._outcomes) - done, len(progress)
        queued = len(self._runs) - len(self._outcomes) - running
        states = {"failed": failed, "under way": running, "left": queued}
        counts = [f"{count} {name}" for name, count in states.items() if count]
        counts.insert(0, f"{done} of {len(self._runs)} runs done")
        left = seconds_left(
            [one.seconds for one in self._outcomes.values() if one.done],
            [float(one.get("share", 0.0)) for one in progress.values()],
            queued,
            self._jobs,
        )
        if progress and left is not None:
            counts.append(f"about {span(left)} left")
        return ", ".join(counts)

    def _say(self, progress: Mapping[str, Mapping[str, Any]]) -> None:
        for digest in progress.keys() - self._begun:
            self._begun.add(digest)
            logger.info(f"{self._runs[digest].label}: begun.")
        for digest in self._outcomes.keys() - self._ended:
            self._ended.add(digest)
            outcome, label = self._outcomes[digest], self._runs[digest].label
            state = f"done ({span(outcome.seconds)})"
            if not outcome.done:
                state = f"failed: {str(outcome.sentence).rstrip('.')}"
            logger.info(f"{label}: {state}; {self._summary(progress)}.")


def place(progress: Mapping[str, Any]) -> str:
    """Return where a run is, as a row of the table says it.

    >>> place({"stage": "target", "epoch": 2, "epochs": 9, "best": 0.5, "attempt": 2})
    'target, epoch 2 of 9, best 0.500, attempt 2'
    """
    parts = [str(progress.get("stage", "begins"))]
    if "epoch" in progress:
        parts.append(f"epoch {progress['epoch']} of {progress['epochs']}")
    if progress.get("best") is not None:
        parts.append(f"best {progress['best']:.3f}")
    if progress.get("attempt", 1) > 1:
        parts.append(f"attempt {progress['attempt']}")
    return shortened(", ".join(parts))


def seconds_left(
    took: Sequence[float], shares: Sequence[float], queued: int, jobs: int
) -> float | None:
    """Return how long the rest takes if its runs are as long as those so far.

    Args:
        took: Seconds of the runs that are done.
        shares: How far those under way are, from 0 to 1.
        queued: Number of the runs that have not begun.
        jobs: How many run at once.

    Returns:
        Seconds; None if none is done.

    >>> seconds_left([10.0, 30.0], [0.5, 0.0], 3, 2)
    45.0
    """
    if not took:
        return None
    rest = queued + sum(1 - share for share in shares)
    return sum(took) / len(took) * rest / jobs


def span(seconds: float) -> str:
    """Return a time in the unit that suits it.

    >>> span(7.4), span(200), span(9000)
    ('7 s', '3 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
