from collections import Counter
from collections.abc import Hashable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossemo.corpora.base import PARTS
from crossemo.corpora.ravdess import RAVDESS
from crossemo.data.folds import make_split, split_side_by_side, united
from crossemo.data.splits import Scheme, Split, SplitError, SplitScheme

# As EmoBox lists the test actors of its six folds of RAVDESS.
EMOBOX = "1 11 20 21 / 4 10 12 14 / 8 9 19 23 / 3 5 7 24 / 2 15 16 18 / 6 13 17 22"

names = st.sets(st.text("abc0123", min_size=1, max_size=4), min_size=3, max_size=30)


def actors(*numbers: int) -> tuple[str, ...]:
    return tuple(f"ravdess/{number:02d}" for number in numbers)


ALL = actors(*range(1, 25))


def assert_partition(splits: list[Split], groups: set[str]) -> None:
    for split in splits:
        parts = [set(split.groups(part)) for part in PARTS]
        assert all(parts)
        assert set.union(*parts) == groups
        assert sum(map(len, parts)) == len(groups)
    tested = [group for split in splits for group in split.test]
    assert sorted(tested) == sorted(groups)


@given(names, st.data())
def test_kfold_tests_each_group_once_and_leaks_none(
    groups: set[str], data: st.DataObject
) -> None:
    folds = data.draw(st.integers(3, len(groups)))
    seed = data.draw(st.integers(0, 2**32))
    splits = [
        make_split(groups, (), Scheme("kfold", n, folds, seed)) for n in range(folds)
    ]
    assert_partition(splits, groups)
    sizes = {len(split.test) for split in splits}
    assert max(sizes) - min(sizes) <= 1


@given(names)
def test_leave_one_out_tests_each_group_once_and_leaks_none(groups: set[str]) -> None:
    splits = [
        make_split(groups, (), Scheme("leave_one_out", n)) for n in range(len(groups))
    ]
    assert_partition(splits, groups)
    assert all(len(split.test) == 1 for split in splits)


@given(st.sets(st.sampled_from(ALL)))
def test_official_tests_each_actor_once_and_leaks_none(present: set[str]) -> None:
    filled = [n for n, fold in enumerate(RAVDESS.folds) if fold & present]
    if len(filled) < 3:
        with pytest.raises(SplitError):
            make_split(present, RAVDESS.folds, Scheme())
        return
    splits = [make_split(present, RAVDESS.folds, Scheme(fold=n)) for n in filled]
    assert_partition(splits, present)


@given(names, st.integers(0, 2**32))
def test_the_deal_depends_on_seed_and_groups_alone(groups: set[str], seed: int) -> None:
    one = make_split(sorted(groups), (), Scheme("kfold", 0, 3, seed))
    other = make_split(
        sorted(groups, reverse=True) * 2, (), Scheme("kfold", 0, 3, seed)
    )
    assert one == other


def test_another_seed_deals_otherwise() -> None:
    dealt = {make_split(ALL, (), Scheme("kfold", 0, 6, seed)).test for seed in range(5)}
    assert len(dealt) == 5


@pytest.mark.parametrize("fold", range(6))
def test_official_folds_of_ravdess_are_those_of_emobox(fold: int) -> None:
    listed = [tuple(map(int, part.split())) for part in EMOBOX.split(" / ")]
    split = make_split(ALL, RAVDESS.folds, Scheme(fold=fold))
    assert split.test == actors(*listed[fold])
    assert split.val == actors(*listed[(fold + 1) % 6])
    assert len(split.train) == 16


def test_song_keeps_its_folds_without_actor_18() -> None:
    singers = set(ALL) - set(actors(18))
    split = make_split(singers, RAVDESS.folds, Scheme(fold=4))
    assert split.test == actors(2, 15, 16)


@pytest.mark.parametrize(
    ("fold", "train", "val", "test"),
    [(0, (2,), (5,), (1, 20)), (3, (1, 20), (2,), (5,)), (4, (5,), (1, 20), (2,))],
)
def test_four_actors_fill_three_official_folds(
    fold: int, train: tuple[int, ...], val: tuple[int, ...], test: tuple[int, ...]
) -> None:
    split = make_split(actors(1, 2, 5, 20), RAVDESS.folds, Scheme(fold=fold))
    assert split == Split(actors(*train), actors(*val), actors(*test))


def test_an_empty_fold_is_refused_with_those_that_hold_clips() -> None:
    with pytest.raises(SplitError, match="Fold 1 holds no clip; choose one of 0, 3, 4"):
        make_split(actors(1, 2, 5, 20), RAVDESS.folds, Scheme(fold=1))


@pytest.mark.parametrize("fold", [-1, 6])
def test_a_fold_that_does_not_exist_is_refused(fold: int) -> None:
    with pytest.raises(SplitError, match=f"Fold {fold} "):
        make_split(ALL, RAVDESS.folds, Scheme(fold=fold))
    with pytest.raises(SplitError, match=f"Fold {fold} "):
        make_split(ALL, (), Scheme("kfold", fold, 6))


@pytest.mark.parametrize("fold", [-1, 4])
def test_leave_one_out_has_a_fold_per_group(fold: int) -> None:
    with pytest.raises(SplitError, match=f"no fold {fold}: choose 0 to 3"):
        make_split(actors(1, 2, 5, 20), (), Scheme("leave_one_out", fold))


def test_two_filled_folds_are_too_few() -> None:
    with pytest.raises(SplitError, match="Only 2 of the 6 folds hold clips"):
        make_split(actors(1, 5), RAVDESS.folds, Scheme())


def test_two_groups_are_too_few_to_leave_one_out() -> None:
    with pytest.raises(SplitError, match="at least three groups; there are 2"):
        make_split("ab", (), Scheme("leave_one_out"))


@pytest.mark.parametrize("folds", [2, 5])
def test_kfold_deals_from_three_folds_to_as_many_as_groups(folds: int) -> None:
    with pytest.raises(
        SplitError, match=f"4 groups.*{folds} folds: choose from 3 to 4"
    ):
        make_split("abcd", (), Scheme("kfold", 0, folds))


def test_a_group_outside_the_official_folds_is_refused() -> None:
    with pytest.raises(SplitError, match="No customary fold holds demo/03"):
        make_split([*ALL, "demo/03"], RAVDESS.folds, Scheme())


def test_an_unknown_scheme_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SplitError, match=r"'random'.*official, kfold or leave_one_out"):
        Scheme(cast(SplitScheme, "random"))


@pytest.mark.parametrize(
    ("train", "val", "test", "parts"),
    [
        ("ab", "b", "c", "train and val"),
        ("ab", "c", "b", "train and test"),
        ("a", "bc", "bd", "val and test"),
    ],
)
def test_a_group_in_two_parts_is_refused_by_name(
    train: str, val: str, test: str, parts: str
) -> None:
    with pytest.raises(SplitError, match=f"^b would be in both {parts}"):
        Split(tuple(train), tuple(val), tuple(test))


def test_an_empty_part_is_refused() -> None:
    with pytest.raises(SplitError, match="The val part of the split is empty"):
        Split(("a",), (), ("b",))


def test_folds_of_corpora_are_united_one_by_one() -> None:
    two = [frozenset({"a/1"}), frozenset({"a/2", "a/3"})]
    three = [frozenset({"b/1"}), frozenset({"a/2"}), frozenset({"b/3"})]
    assert united([two, three]) == [{"a/1", "b/1"}, {"a/2", "a/3"}, {"b/3"}]
    assert united([two]) == two


def test_a_split_may_not_name_groups_that_are_not_there() -> None:
    split = Split(("a/1", "a/2"), ("a/3",), ("a/5", "a/4"))
    split.refuse_strays({"a/1", "a/2", "a/3", "a/4", "a/5", "a/6"})
    match = r"names a/4, a/5, of which no corpus has a clip; .* like a/1\."
    with pytest.raises(SplitError, match=match):
        split.refuse_strays({"a/1", "a/2", "a/3"})


@given(
    st.lists(st.integers(3, 9), min_size=1, max_size=3),
    st.integers(0, 8),
    st.sampled_from(["kfold", "leave_one_out"]),
)
def test_every_part_holds_every_corpus_that_shares_no_group(
    sizes: list[int], fold: int, scheme: SplitScheme
) -> None:
    corpora = [
        [f"corpus{number}/{one}" for one in range(size)]
        for number, size in enumerate(sizes)
    ]
    fold = fold % (3 if scheme == "kfold" else max(sizes))
    split = split_side_by_side(corpora, Scheme(scheme, fold, folds=3))
    for part in PARTS:
        held = {group.split("/")[0] for group in split.groups(part)}
        assert held == {f"corpus{number}" for number in range(len(sizes))}
    dealt = [group for part in PARTS for group in split.groups(part)]
    assert sorted(dealt) == sorted(group for corpus in corpora for group in corpus)


@pytest.mark.parametrize("scheme", ["kfold", "leave_one_out"])
def test_corpora_that_share_groups_are_split_as_one(scheme: SplitScheme) -> None:
    speech, song = ["a", "b", "c", "d", "e"], ["b", "c", "d", "e"]
    way = Scheme(scheme, fold=1, folds=3, seed=4)
    together = split_side_by_side([speech, song], way)
    assert together == make_split(speech, [], way)
    # Through a third corpus too.
    assert (
        split_side_by_side([["a", "b"], ["c", "d"], ["b", "c", "e"]], way) == together
    )


def test_every_group_of_the_larger_corpus_is_tested() -> None:
    corpora = [["a", "b", "c"], ["v", "w", "x", "y", "z"]]
    tested = [
        split_side_by_side(corpora, Scheme("leave_one_out", k)).test for k in range(5)
    ]
    assert tested == [("a", "v"), ("b", "w"), ("c", "x"), ("a", "y"), ("b", "z")]
    with pytest.raises(SplitError, match="no fold 5"):
        split_side_by_side(corpora, Scheme("leave_one_out", 5))


def test_folds_that_starve_a_class_are_dealt_by_classes() -> None:
    # Two of twelve groups hold all sad clips, as a corpus of songs may have it.
    groups = [f"g{n:02d}" for n in range(12)]
    strata: dict[str, Counter[Hashable]] = {
        g: Counter({"sad": 6} if n % 3 == 0 else {"happy": 2})
        for n, g in enumerate(groups)
    }
    for seed in range(20):
        folds = [
            make_split(groups, (), Scheme("kfold", n, 4, seed), strata).test
            for n in range(4)
        ]
        assert sorted(group for fold in folds for group in fold) == groups
        assert [len(fold) for fold in folds] == [3, 3, 3, 3]
        sad = [sum(strata[group]["sad"] for group in fold) for fold in folds]
        assert sad == [6, 6, 6, 6]


def test_even_folds_are_those_without_classes() -> None:
    # As in RAVDESS: every actor has the same clips, but one who sings none.
    strata: dict[str, Counter[Hashable]]
    strata = {group: Counter({("song", "sad"): 8, "calm": 4}) for group in ALL}
    strata[ALL[17]] = Counter({"calm": 4})
    for seed in range(20):
        scheme = Scheme("kfold", seed % 6, 6, seed)
        assert make_split(ALL, (), scheme, strata) == make_split(ALL, (), scheme)
