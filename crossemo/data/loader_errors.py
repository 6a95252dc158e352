"""What a user reads when a process that loads clips ends too soon."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from crossemo.errors import CrossEmoError

_ENDED = re.compile(r"DataLoader worker \(pid.*\) (is killed by|exited unexpectedly)")
_SENTENCE = (
    "A process that loads clips ended before its work was done: something killed it, "
    "such as a lack of memory. Go on from the last checkpoint with --data.num_workers "
    "0, which needs no such processes."
)
_CAUGHT = "in DataLoader worker process"


class LoadingError(CrossEmoError):
    """A process that loads clips that was killed or ran out of memory."""


@contextmanager
def loading() -> Iterator[None]:
    """Say in a sentence that a process that loads clips ended.

    torch notices it wherever the first process happens to be: often in the loader,
    but as often in a step of training.

    Raises:
        LoadingError: One ended.
        CrossEmoError: What it raised in that process, without where that was.
    """
    try:
        yield
    except CrossEmoError as error:
        if _CAUGHT not in str(error):
            raise
        sentence = str(error).strip().rpartition("\n")[2].partition(": ")[2]
        raise CrossEmoError(sentence) from error
    except (RuntimeError, EOFError, OSError) as error:
        # A worker that is gone no longer hands over the memory of its last batch.
        gone = isinstance(error, ConnectionError | EOFError | FileNotFoundError)
        gone = gone and "resource_sharer" in _origins(error)
        if not gone and not _ENDED.search(str(error)):
            raise
        raise LoadingError(_SENTENCE) from error


def refuse_killed(workers: Iterable[BaseProcess]) -> None:
    """Refuse to go on where a process that loads clips was killed.

    torch may miss it: what its handler of the signal raises is lost where Python
    happens to be in a callback, and one that has no batch to load is not waited for.

    Raises:
        LoadingError: One was killed.
    """
    if any((worker.exitcode or 0) < 0 for worker in workers):
        raise LoadingError(_SENTENCE)


def _origins(error: BaseException) -> set[str]:
    """Return the names of the modules that an error passed through."""
    names, trace = set(), error.__traceback__
    while trace is not None:
        names.add(trace.tb_frame.f_globals["__name__"].rpartition(".")[2])
        trace = trace.tb_next
    return names
