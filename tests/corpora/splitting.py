"""How a corpus is split, without reading its audio."""

from typing import Any

from crossemo.corpora.base import Corpus, Part
from crossemo.data.examples import Example
from crossemo.data.partition import partition, with_units
from crossemo.data.splits import Scheme


def parts_of(corpus: Corpus, fold: int = 0, **scheme: Any) -> dict[str, Part]:
    """Return the part of each clip by its id."""
    how = Scheme(fold=fold, **scheme)
    examples = [Example(clip, clip.id, 0, clip.groups[0]) for clip in corpus.clips()]
    united = with_units({"source": examples}, how)
    return dict(partition(united, {"source": corpus.folds}, how).parts)


def groups_of(corpus: Corpus, part: Part, fold: int = 0, **scheme: Any) -> set[str]:
    """Return the groups of the clips in a part."""
    parts = parts_of(corpus, fold, **scheme)
    return {
        group
        for clip in corpus.clips()
        if parts.get(clip.id) == part
        for group in clip.groups
    }
