"""The pairs of roles that are compared with each other."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any


def role_pairs(roles: Iterable[str]) -> list[tuple[str, str]]:
    """Return every two roles, in order; none where there is but one.

    >>> role_pairs(["speech", "song", "piano"])
    [('speech', 'song'), ('speech', 'piano'), ('song', 'piano')]
    """
    return list(combinations(roles, 2))


def layer_column(role: str) -> str:
    """Return the column of `layer_similarity.csv` that holds the layer of a role."""
    return f"{role}_layer"


def likened_roles(row: Mapping[str, Any], roles: Iterable[str]) -> list[str]:
    """Return the two roles that a row of `layer_similarity.csv` is of.

    >>> likened_roles({"speech_layer": 0, "song_layer": 1}, ["speech", "song", "piano"])
    ['speech', 'song']
    """
    return [role for role in roles if layer_column(role) in row]
