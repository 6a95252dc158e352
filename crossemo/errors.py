"""The base of all errors that a user can mend, and lists in sentences."""

from collections.abc import Iterable


class CrossEmoError(ValueError):
    """What was wrong, where, and what to do, in one sentence.

    The command line prints the sentence alone; from Python it is a `ValueError`.
    """


def own_sentence(error: BaseException | None) -> str | None:
    """Return what crossemo said, where an error is its own or was raised from one."""
    while error is not None and not isinstance(error, CrossEmoError):
        error = error.__cause__ or error.__context__
    return None if error is None else str(error)


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
