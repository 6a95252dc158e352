"""A bar on the terminal for long work, which a log file or a pipe never sees."""

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def bar(
    work: Iterable[Item], description: str, total: int | None = None, shown: bool = True
) -> Iterable[Item]:
    """Return the items of some work; show how many are done, on a terminal alone.

    Args:
        work: The items.
        description: What is done.
        total: Number of the items; their length if None.
        shown: Whether to show it, as one of several processes does.
    """
    console = Console(stderr=True)
    return track(
        work,
        description,
        total=total,
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    )
