"""The base of all errors that a user can mend."""


class CrossEmoError(ValueError):
    """What was wrong, where, and what to do, in one sentence.

    The command line prints the sentence alone; from Python it is a `ValueError`.
    """
