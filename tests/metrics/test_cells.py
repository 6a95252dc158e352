from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from crossemo.metrics.cells import deal, in_turn, rows_of

names = st.sets(st.integers(0, 30).map(str), min_size=1, max_size=20)


@given(names, names, st.integers(1, 6), st.integers(0, 5))
def test_both_domains_are_dealt_evenly(
    x: set[str], y: set[str], sides: int, seed: int
) -> None:
    dealt = deal(x, y, sides, Random(seed))
    assert dealt.keys() == x | y
    for domain in (x, y):
        counts = Counter(dealt[group] for group in domain)
        taken = [counts[side] for side in range(sides)]
        # Shared groups are dealt evenly, then the rest evens out what is left of it.
        assert max(taken) - min(taken) <= 1


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=40), st.integers(0, 5))
def test_groups_take_turns(groups: list[str], seed: int) -> None:
    order = in_turn(groups, Random(seed))
    assert sorted(rows_of(order).tolist()) == list(range(len(groups)))
    totals = Counter(groups)
    seen: Counter[str] = Counter()
    for turn in order:
        seen[turn.group] += 1
        for group, total in totals.items():
            # Nobody is two clips behind, unless out of clips.
            assert seen[group] >= min(total, seen[turn.group] - 1)


def test_the_order_is_random_and_repeatable() -> None:
    groups = list("aabbccdd")
    orders = [rows_of(in_turn(groups, Random(seed))).tolist() for seed in (0, 0, 1, 2)]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1
