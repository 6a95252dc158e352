"""The base of all errors that a user can mend, and what sentences are made of."""

from collections.abc import Iterable
from difflib import get_close_matches
from traceback import walk_tb


class CrossEmoError(ValueError):
    """What was wrong, where, and what to do, in one sentence.

    The command line prints the sentence alone; from Python it is a `ValueError`.
    """


def crossemo_sentence(error: BaseException | None) -> str | None:
    """Return the sentence of a `CrossEmoError`, or of one that led to this error."""
    while error is not None and not isinstance(error, CrossEmoError):
        error = error.__cause__ or error.__context__
    return None if error is None else str(error)


def modules_of(error: BaseException) -> list[str]:
    """Return the modules that an error came through, that which raised it last."""
    frames = walk_tb(error.__traceback__)
    return [str(frame.f_globals.get("__name__")) for frame, _ in frames]


def reason_of(error: Exception) -> str:
    """Return what the system or a library says, in one line that is not too long.

    >>> reason_of(OSError(28, "No space left", "a.wav")), reason_of(KeyError())
    ('No space left', 'KeyError')
    >>> reason_of(KeyError("depth"))
    "nothing is called 'depth'"
    """
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, KeyError) and error.args:
        reason = f"nothing is called {error}"
    return shortened(reason, 300).rstrip(".") or type(error).__name__


def shortened(value: object, most: int = 60) -> str:
    """Return a value in one line that is not long.

    >>> shortened("one  word and another", most=10)
    'one word …'
    """
    text = " ".join(str(value)[: 4 * most].split())
    return text if len(text) <= most else f"{text[: most - 2].rstrip()} …"


def listed(names: Iterable[object], most: int = 8, last: str = ", ") -> str:
    """Return names as in a sentence; of many, the first ones and how many more.

    Args:
        names: The names.
        most: How many are named.
        last: What stands before the last one, such as ` or `.

    >>> listed("abc", most=2), listed("abc", last=" or "), listed([])
    ('a, b and 1 more', 'a, b or c', 'none')
    """
    words = list(map(str, names))
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    *first, final = words or ["none"]
    return f"{', '.join(first)}{last}{final}" if first else final


def guess_among(value: str, names: Iterable[str]) -> str:
    """Return a question for the name that may be meant; empty if none is alike.

    >>> guess_among("taget", ["source", "target"]), guess_among("x", ["source"])
    (' Did you mean target?', '')
    """
    close = get_close_matches(value, list(names), n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else ""
