"""The base of all errors that a user can mend."""


class CrossEmoError(ValueError):
    """What was wrong, where, and what to do, in one sentence.

    The command line prints the sentence alone; from Python it is a `ValueError`.
    """


def own_sentence(error: BaseException | None) -> str | None:
    """Return what crossemo said, where an error is its own or was raised from one."""
    while error is not None and not isinstance(error, CrossEmoError):
        error = error.__cause__ or error.__context__
    return None if error is None else str(error)
