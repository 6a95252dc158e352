from math import inf, nan
from pathlib import Path

import pytest

import crossemo.corpora
from crossemo.corpora import corpus_classes
from crossemo.corpora.base import Clip, CorpusError


def test_a_clip_needs_a_group_and_a_stretch_that_begins_before_it_ends() -> None:
    with pytest.raises(CorpusError, match="a belongs to no group: name its speaker"):
        Clip("a", Path("a"), ())
    with pytest.raises(CorpusError, match=r"begin at 2 s and end at 1 s"):
        Clip("a", Path("a"), ("x/1",), start=2.0, end=1.0)
    with pytest.raises(CorpusError, match=r"begin at -1 s"):
        Clip("a", Path("a"), ("x/1",), start=-1.0)
    for stretch in ((nan, None), (0.0, nan), (0.0, inf), (inf, None)):
        with pytest.raises(CorpusError, match="would begin at"):
            Clip("a", Path("a"), ("x/1",), start=stretch[0], end=stretch[1])
    with pytest.raises(CorpusError, match="part dev: choose train, val, test"):
        Clip("a", Path("a"), ("x/1",), part="dev")  # type: ignore[arg-type]


def test_the_key_is_the_content_and_the_stretch() -> None:
    whole = Clip("a", Path("a"), ("x/1",))
    halves = [
        Clip("b", Path("a"), ("x/1",), end=1.25),
        Clip("c", Path("a"), ("x/1",), start=1.25),
        Clip("d", Path("a"), ("x/1",), start=1.25, end=1e5 / 3),
    ]
    keys = [one.key("1f") for one in (whole, *halves)]
    assert keys == ["1f", "1f@0-1.25", "1f@1.25-", "1f@1.25-33333.3333"]


def test_a_module_is_imported_as_any_other() -> None:
    from crossemo.corpora import listing, ravdess

    assert listing.__name__ == "crossemo.corpora.listing"
    assert crossemo.corpora.RAVDESS is ravdess.RAVDESS
    assert not hasattr(crossemo.corpora, "Ravdess")


def test_corpora_are_those_of_the_files_and_import_nothing_heavy() -> None:
    assert {"Demo", "Folders", "RAVDESS"} <= set(corpus_classes())
