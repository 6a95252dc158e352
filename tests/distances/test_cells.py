from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from crossemo.distances.cells import deal, in_turn, rows_of

names = st.sets(st.integers(0, 30).map(str), min_size=1, max_size=20)


def spreads(cells: list[set[str]], side_of: dict[str, int], sides: int) -> list[int]:
    """Return for every cell how far apart its fullest and emptiest sides are."""
    gaps = []
    for groups in cells:
        counts = Counter(side_of[group] for group in groups)
        sizes = [counts[side] for side in range(sides)]
        gaps.append(max(sizes) - min(sizes))
    return gaps


@given(names, names, st.integers(1, 6), st.integers(0, 5))
def test_both_domains_are_dealt_evenly(
    x: set[str], y: set[str], sides: int, seed: int
) -> None:
    side_of = deal([x, y], sides, Random(seed))
    assert side_of.keys() == x | y
    # Shared groups are dealt evenly, and the rest evens out what is left of it.
    assert max(spreads([x, y], side_of, sides)) <= 1


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 9))
def test_groups_of_one_cell_are_dealt_evenly_in_it(sizes: list[int], seed: int) -> None:
    cells = [{f"{cell}-{n}" for n in range(size)} for cell, size in enumerate(sizes)]
    side_of = deal(cells, 2, Random(seed))
    assert spreads(cells, side_of, 2) == [size % 2 for size in sizes]


def test_actors_of_all_cells_are_dealt_evenly_in_each() -> None:
    actors = {f"{number:02}" for number in range(24)}
    cells = [actors] * 6 + [actors - {"17"}] * 6
    for seed in range(20):
        assert max(spreads(cells, deal(cells, 2, Random(seed)), 2)) <= 1


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=40), st.integers(0, 5))
def test_groups_take_turns(groups: list[str], seed: int) -> None:
    order = in_turn(groups, Random(seed))
    assert sorted(rows_of(order).tolist()) == list(range(len(groups)))
    totals = Counter(groups)
    turns_of: Counter[str] = Counter()
    for turn in order:
        turns_of[turn.group] += 1
        for group, total in totals.items():
            # Nobody is two clips behind, unless out of clips.
            assert turns_of[group] >= min(total, turns_of[turn.group] - 1)


def test_the_order_is_random_and_repeatable() -> None:
    groups = list("aabbccdd")
    orders = [rows_of(in_turn(groups, Random(seed))).tolist() for seed in (0, 0, 1, 2)]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1
