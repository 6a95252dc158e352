from random import Random

from hypothesis import given
from hypothesis import strategies as st

from crossemo.data.units import contents, tied

names = st.sampled_from("abcdefghij")
clips = st.lists(st.lists(names, min_size=1, max_size=3).map(tuple), max_size=12)


@given(clips)
def test_groups_of_one_clip_are_one_unit_and_no_others_are(
    groups: list[tuple[str, ...]],
) -> None:
    units = tied(groups)
    # By hand: spread each name over all that is tied to it until nothing changes.
    spread = {name: {name} for one in groups for name in one}
    for _ in spread:
        for one in groups:
            together = set().union(*(spread[name] for name in one))
            for name in one:
                spread[name] = together
    for name, unit in units.items():
        assert unit == min(spread[name])


@given(clips, st.randoms())
def test_units_do_not_depend_on_the_order(
    groups: list[tuple[str, ...]], random: Random
) -> None:
    shuffled = list(groups)
    random.shuffle(shuffled)
    assert tied(shuffled) == tied(groups)


def test_contents_tie_corpora_and_name_no_unit() -> None:
    keys = contents(["1f", "2a", "2a", "2a", "3b"])
    assert list(keys) == ["2a"]
    units = tied([("z/1", keys["2a"]), ("y/1", keys["2a"]), ("z/2",)])
    assert units["z/1"] == units["y/1"] == "y/1"
    assert units["z/2"] == "z/2"
    assert tied([("中/1", keys["2a"])])["中/1"] == "中/1"
