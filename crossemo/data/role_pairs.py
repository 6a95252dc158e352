"""The pairs of roles that are compared with each other."""

from collections.abc import Iterable
from itertools import combinations


def role_pairs(roles: Iterable[str]) -> list[tuple[str, str]]:
    """Return every two roles, in order; none where there is but one.

    >>> role_pairs(["speech", "song", "piano"])
    [('speech', 'song'), ('speech', 'piano'), ('song', 'piano')]
    """
    return list(combinations(roles, 2))
