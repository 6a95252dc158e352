from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossemo.corpora.base import Clip
from crossemo.data.balance import Balance, check_balance, shares
from crossemo.data.examples import Example
from crossemo.errors import CrossEmoError

cells = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=40
)


def clips(names: list[tuple[str, int]]) -> list[Example]:
    clip = Clip("x", Path("x"), ("g",))
    return [Example(clip, "x", target, "g", corpus=corpus) for corpus, target in names]


def drawn(names: list[tuple[str, int]], balance: Balance, of: str) -> list[float]:
    """Return how often each corpus, class or class of a corpus is drawn."""
    sums: Counter[object] = Counter()
    for name, share in zip(names, shares(clips(names), balance), strict=True):
        sums[{"corpora": name[0], "classes": name[1], "cells": name}[of]] += share
    return list(sums.values())


@given(cells)
def test_what_is_balanced_is_drawn_equally_often(names: list[tuple[str, int]]) -> None:
    for balance, of in (
        ("corpora", "corpora"),
        ("classes", "classes"),
        ("both", "corpora"),
    ):
        often = drawn(names, balance, of)  # type: ignore[arg-type]
        np.testing.assert_allclose(often, 1 / len(often))
    assert shares(clips(names), "none").tolist() == [1 / len(names)] * len(names)


def test_both_evens_out_the_classes_of_each_corpus() -> None:
    names = [("a", 0)] * 6 + [("a", 1)] * 2 + [("b", 1)] * 1
    assert sorted(drawn(names, "both", "cells")) == pytest.approx([0.25, 0.25, 0.5])


def test_half_the_strength_is_the_square_root() -> None:
    share = shares(clips([("a", 0)] * 4 + [("b", 0)]), "corpora", 0.5)
    assert share == pytest.approx([1 / 6] * 4 + [1 / 3])


def test_what_can_not_be_balanced_is_refused() -> None:
    with pytest.raises(CrossEmoError, match="choose none, corpora, classes or both"):
        check_balance("all", 1)
    with pytest.raises(CrossEmoError, match="choose a number from 0 to 1"):
        check_balance("corpora", float("nan"))
    clip = Clip("x", Path("x"), ("g",))
    with pytest.raises(CrossEmoError, match="values have no classes"):
        shares([Example(clip, "x", (0.1, 0.2), "g")], "both")
