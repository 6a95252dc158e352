"""Units: what a split may never cut."""

from collections.abc import Iterable, Mapping


def tied(groups: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Return the unit of every group: groups that any clip ties together are one.

    Args:
        groups: The groups of each clip, over all corpora.

    Returns:
        Group to unit. A unit bears the name of its first group in order of name.

    >>> tied([("song/2", "artist/a"), ("song/1", "artist/a"), ("song/3",)])
    {'song/2': 'artist/a', 'artist/a': 'artist/a', 'song/1': 'artist/a', \
'song/3': 'song/3'}
    """
    above: dict[str, str] = {}
    for first, *others in groups:
        root = _root(above, first)
        for other in others:
            ends = sorted((root, _root(above, other)))
            root = above[ends[1]] = ends[0]
    return {group: _root(above, group) for group in above}


def contents(keys: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return, for keys that several corpora hold, the group that ties their clips.

    Args:
        keys: By name of a corpus, the keys of its clips.

    Returns:
        Key to group; keys of one corpus alone are left out. Its name comes behind all
        others, so that no unit bears it.

    >>> contents({"one": ["1f", "2a"], "other": ["2a"]})
    {'2a': '~content/2a'}
    """
    holders: dict[str, set[str]] = {}
    for corpus, corpus_keys in keys.items():
        for key in corpus_keys:
            holders.setdefault(key, set()).add(corpus)
    return {key: f"~content/{key}" for key, names in holders.items() if len(names) > 1}


def _root(above: dict[str, str], group: str) -> str:
    """Return the first group of a tree, shortening the way to it."""
    way = []
    while (higher := above.setdefault(group, group)) != group:
        way.append(group)
        group = higher
    above |= dict.fromkeys(way, group)
    return group
