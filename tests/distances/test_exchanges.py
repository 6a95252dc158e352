from math import comb

import torch

from crossemo.distances.cells import Cell
from crossemo.distances.exchanges import Exchanges, exchangeable, least_p
from tests.distances.normals import normal


def test_shared_groups_are_swapped_and_others_dealt() -> None:
    x, y = ["a", "b", "c", "d"], ["b", "a", "e"]
    in_first = Exchanges(x, y, 4000).between(x, y)
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
    assert torch.equal(in_first, Exchanges(x, y, 4000).between(x, y))


def test_few_shared_groups_are_exchanged_in_every_way_once() -> None:
    names = list("abcdef")
    exchanges = Exchanges(names, names, 999)
    kinds = torch.unique(exchanges.between(names, names), dim=0)
    assert len(exchanges) == len(kinds) == 2**5 - 1
    # Neither what is there nor its mirror image, which has the same distance.
    assert not any(one[:6].all() or not one[:6].any() for one in kinds)
    assert len(Exchanges(names, names, 20)) == 20  # fewer are wanted


def test_all_cells_of_two_domains_are_exchanged_alike() -> None:
    exchanges = Exchanges(range_of(20), range_of(24, 8), 50)
    whole = exchanges.between(range_of(20), range_of(24, 8))
    part = exchanges.between(range_of(20, 10), range_of(18, 8))
    shared = whole[:, 10:20]  # 10 to 17 are in both parts of both
    assert torch.equal(part[:, :8], shared[:, :8])
    order = exchanges.between(range_of(3), range_of(24, 21))
    again = exchanges.between(range_of(3), range_of(24, 21))
    assert torch.equal(order, again)
    assert (order.sum(1) == 3).all()


def range_of(stop: int, start: int = 0) -> list[str]:
    return [f"{number:02}" for number in range(start, stop)]


def test_the_least_p_counts_the_exchanges() -> None:
    for x, y in (("abcd", "abcd"), ("abc", "defg"), ("abc", "def"), ("abcd", "cdef")):
        exchanges = Exchanges(x, y, 20000, seed=1).between(list(x), list(y))
        kinds = torch.unique(exchanges, dim=0)
        mirrored = len(set(x)) == len(set(y))
        few = set(x) == set(y)  # of which each stands for its mirror image too
        count = 2 * (1 + len(kinds)) if few else len(kinds)
        assert least_p(x, y) == (1 + mirrored) / count


def test_exchangeable_cells_have_equally_many_clips_of_a_group() -> None:
    x = Cell(normal(13, 2), tuple("aaaabbcccddee"))
    y = Cell(normal(8, 2, 1), tuple("aabbbfgg"))
    first, second = exchangeable(x, y)
    # a and b as many as the fewer; c, d, e at most two, as many as g has.
    assert "".join(first.groups) == "aabbccddee"
    assert "".join(second.groups) == "aabbfgg"
    for group in "abcde":
        clips = x.embeddings[[g == group for g in x.groups]].tolist()
        part = first.embeddings[[g == group for g in first.groups]].tolist()
        assert all(clip in clips for clip in part)
    again, _ = exchangeable(x, y)
    assert torch.equal(again.embeddings, first.embeddings)
    alone, same = exchangeable(x, x)
    assert alone.groups == same.groups == x.groups
    lone, _ = exchangeable(x, Cell(y.embeddings[:2], ("a", "b")))
    assert "".join(lone.groups) == "abcccddee"  # nothing to exchange these for


def test_clips_are_not_chosen_by_their_place() -> None:
    """Corpora list clips in an order, such as by intensity."""
    long = Cell(torch.arange(400.0)[:, None], tuple(f"{k // 40}" for k in range(400)))
    short = Cell(torch.zeros(100, 1), tuple(f"{k // 10}" for k in range(100)))
    part, _ = exchangeable(long, short)
    places = part.embeddings[:, 0] % 40
    assert len(places) == 100
    assert abs(float(places.mean()) - 19.5) < 4  # 11.5 / √100 · 3.5
