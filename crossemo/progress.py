"""How far long work is: a bar on a terminal, and elsewhere a line a minute."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

logger = logging.getLogger(__name__)

EVERY = 60.0  # seconds between two lines
Item = TypeVar("Item")


class Lines:
    """Says how far some work is, a line a minute, so that short work says nothing.

    Args:
        work: What is done.
        total: Number of its items; None if nobody knows.
    """

    def __init__(self, work: str, total: float | None = None) -> None:
        self._work, self._total = work, total
        self._begun = self._latest = monotonic()

    @property
    def due(self) -> bool:
        """Whether a minute has passed since the last line."""
        return monotonic() - self._latest >= EVERY

    def note(self, count: float, more: str = "") -> None:
        """Say how many items are done, if a minute has passed.

        Args:
            count: Their number.
            more: What else to say.
        """
        if not self.due:
            return
        self._latest = monotonic()
        minutes = (self._latest - self._begun) / 60
        share = f"{100 * count / self._total:.0f} %" if self._total else f"{count:g}"
        logger.info("%s: %s after %.0f min%s.", self._work, share, minutes, more)


@contextmanager
def meter(
    work: str, total: float | None, shown: bool = True
) -> Iterator[Callable[[int], object]]:
    """Give a function that takes the number of items that are done.

    Args:
        work: What is done.
        total: Number of the items; None if nobody knows.
        shown: Whether to show it, as one of several processes does.
    """
    console = Console(stderr=True)
    if not shown:
        yield lambda count: None
    elif console.is_terminal:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(escape(work), total=total)
            yield lambda count: progress.update(task, completed=count)
    else:
        yield Lines(work, total).note


def bar(
    work: Iterable[Item], description: str, total: int | None = None, shown: bool = True
) -> Iterator[Item]:
    """Yield the items of some work; show how many are done.

    Args:
        work: The items.
        description: What is done.
        total: Number of the items; their length, if they have one, if None.
        shown: Whether to show it, as one of several processes does.
    """
    if total is None and isinstance(work, Sized):
        total = len(work)
    with meter(description, total, shown) as note:
        for count, item in enumerate(work, 1):
            yield item
            note(count)
