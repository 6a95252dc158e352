from math import comb

import torch

from crossemo.distances.cells import Cell
from crossemo.distances.exchanges import exchangeable, exchanges
from tests.distances.normals import normal


def test_shared_groups_are_swapped_and_others_dealt() -> None:
    x, y = ["a", "b", "c", "d"], ["b", "a", "e"]
    in_first = exchanges(x, y, 4000)
    a, b, c, d, y_b, y_a, e = in_first.T
    # The two sides of a shared group never end up together.
    assert (a != y_a).all()
    assert (b != y_b).all()
    # Two of c, d and e go to the first cell, as before.
    assert (c.int() + d.int() + e.int() == 2).all()
    # All of the 2 · 2 · 3 exchanges are equally likely.
    kinds, counts = torch.unique(in_first, dim=0, return_counts=True)
    assert len(kinds) == 2 * 2 * comb(3, 2)
    assert (counts - 4000 / 12).abs().max() < 5 * (4000 / 12) ** 0.5
    assert torch.equal(in_first, exchanges(x, y, 4000))


def test_exchangeable_cells_have_equally_many_clips_of_a_group() -> None:
    x = Cell(normal(13, 2), tuple("aaaabbcccddee"))
    y = Cell(normal(8, 2, 1), tuple("aabbbfgg"))
    first, second = exchangeable(x, y)
    # a and b as many as the fewer; c, d, e at most two, as many as g has.
    assert "".join(first.groups) == "aabbccddee"
    assert "".join(second.groups) == "aabbfgg"
    torch.testing.assert_close(first.embeddings[:4], x.embeddings[[0, 1, 4, 5]])
    alone, same = exchangeable(x, x)
    assert alone.groups == same.groups == x.groups
    lone, _ = exchangeable(x, Cell(y.embeddings[:2], ("a", "b")))
    assert "".join(lone.groups) == "abcccddee"  # nothing to exchange these for
