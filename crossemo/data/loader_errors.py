"""What a user reads when a process that loads clips ends too soon."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from crossemo.errors import CrossEmoError, modules_of

_ENDED = re.compile(r"DataLoader worker \(pid.*\) (is killed by|exited unexpectedly)")
_SENTENCE = (
    "A process that loads clips ended before its work was done: something killed it, "
    "such as a lack of memory. Go on from the last checkpoint with --data.num_workers "
    "0, which needs no such processes."
)
_SHARER = "multiprocessing.resource_sharer"
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
        gone = gone and _SHARER in modules_of(error)
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
