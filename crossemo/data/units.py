"""Units: what a split may never cut."""

from collections import Counter
from collections.abc import Iterable

CONTENT = "~content/"


def tied(groups: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Return the unit of every group: groups that any clip ties together are one.

    Args:
        groups: The groups of each clip, over all corpora.

    Returns:
        Group to unit. A unit bears the name of its first group in order of name, and
        of no content, see `contents`, where it has another.

    >>> tied([("song/2", "artist/a"), ("song/1", "artist/a"), ("song/3",)])
    {'song/2': 'artist/a', 'artist/a': 'artist/a', 'song/1': 'artist/a', \
'song/3': 'song/3'}
    """
    above: dict[str, str] = {}
    for first, *others in groups:
        root = _root(above, first)
        for other in others:
            ends = sorted((root, _root(above, other)), key=_rank)
            root = above[ends[1]] = ends[0]
    return {group: _root(above, group) for group in above}


def contents(digests: Iterable[str]) -> dict[str, str]:
    """Return, for files of which there are several clips, the group that ties these.

    Args:
        digests: The digest of each clip's file, over all corpora.

    Returns:
        Digest to group; those of one clip are left out.

    >>> contents(["1f", "2a", "2a"])
    {'2a': '~content/2a'}
    """
    counts = Counter(digests)
    return {key: f"{CONTENT}{key}" for key, number in counts.items() if number > 1}


def _rank(group: str) -> tuple[bool, str]:
    return group.startswith(CONTENT), group


def _root(above: dict[str, str], group: str) -> str:
    """Return the first group of a tree, shortening the way to it."""
    way = []
    while (higher := above.setdefault(group, group)) != group:
        way.append(group)
        group = higher
    above |= dict.fromkeys(way, group)
    return group
