"""How a corpus is split, without reading its audio."""

from collections.abc import Mapping
from typing import Any

from crossemo.corpora.base import Corpus, Part
from crossemo.data.examples import Example
from crossemo.data.partition import partition, with_units
from crossemo.data.splits import Scheme


def parts_of(corpus: Corpus, fold: int = 0, **scheme: Any) -> dict[str, Part]:
    """Return the part of each clip by its id."""
    return _parts({"source": corpus}, Scheme(fold=fold, **scheme))


def parts_of_both(source: Corpus, target: Corpus, scheme: Scheme) -> dict[str, Part]:
    """Return the part of each clip of two corpora by its id."""
    return _parts({"source": source, "target": target}, scheme)


def _parts(corpora: Mapping[str, Corpus], scheme: Scheme) -> dict[str, Part]:
    members = {
        role: [Example(clip, clip.id, 0, clip.groups[0]) for clip in corpus.clips()]
        for role, corpus in corpora.items()
    }
    folds = {role: corpus.folds for role, corpus in corpora.items()}
    return dict(partition(with_units(members, scheme), folds, scheme).parts)


def groups_of(corpus: Corpus, part: Part, fold: int = 0, **scheme: Any) -> set[str]:
    """Return the groups of the clips in a part."""
    parts = parts_of(corpus, fold, **scheme)
    return {
        group
        for clip in corpus.clips()
        if parts.get(clip.id) == part
        for group in clip.groups
    }
