from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossemo.corpora.base import PARTS, Clip, Part
from crossemo.data.examples import Example
from crossemo.data.partition import Partition, every_partition, partition, with_units
from crossemo.data.splits import Scheme, Split, SplitError

NONE: dict[str, Sequence[frozenset[str]]] = {"a": (), "b": ()}


def example(
    name: str, *groups: str, part: Part | None = None, target: int = 0, key: str = ""
) -> Example:
    clip = Clip(name, Path(name), groups, "sad", part=part)
    return Example(clip, key or name, target, groups[0])


def split(
    members: dict[str, list[Example]],
    scheme: Scheme | Split,
    folds: Mapping[str, Sequence[frozenset[str]]] = NONE,
) -> tuple[Partition, dict[str, str]]:
    """Return the partition, and the unit of every clip."""
    united = with_units(members, scheme)
    units = {one.clip.id: one.unit for own in united.values() for one in own}
    return partition(united, folds, scheme), units


def songs(prefix: str, count: int, artists: int = 99) -> list[Example]:
    return [
        example(f"{prefix}{n}", f"{prefix}/{n}", f"artist/{prefix}{n % artists}")
        for n in range(count)
    ]


names = st.sampled_from([f"g{n}" for n in range(9)])
corpora = st.lists(
    st.lists(st.lists(names, min_size=1, max_size=2), min_size=4, max_size=20),
    min_size=1,
    max_size=2,
)


@given(corpora, st.sampled_from(["kfold", "leave_one_out"]), st.integers(0, 2))
def test_no_group_and_no_unit_is_ever_in_two_parts(
    groups: list[list[list[str]]], name: str, fold: int
) -> None:
    members = {
        role: [example(f"{role}{n}", *one) for n, one in enumerate(own)]
        for role, own in zip("ab", groups, strict=False)
    }
    scheme = Scheme(name, fold, 3)  # type: ignore[arg-type]
    try:
        made, units = split(members, scheme)
    except SplitError:
        return  # too few units
    seen: dict[str, set[str]] = {}
    for own in members.values():
        for one in own:
            for group in one.clip.groups:
                seen.setdefault(group, set()).add(made.parts[one.clip.id])
            assert units[one.clip.id] in made.split.groups(made.parts[one.clip.id])
    assert all(len(parts) == 1 for parts in seen.values())
    assert not made.dropped


def test_authors_parts_are_taken_even_where_they_cut_through_an_artist() -> None:
    parts: list[Part] = ["train", "train", "val", "test"]
    clips = [
        example(f"s{n}", f"song/{n}", "artist/x", part=part)
        for n, part in enumerate(parts)
    ]
    made, _ = split({"a": clips}, Scheme())
    assert [made.parts[f"s{n}"] for n in range(4)] == parts
    assert made.split.test == ("song/3",)
    assert not made.dropped
    others = [example(f"o{n}", f"other/{n}", part=part) for n, part in enumerate(PARTS)]
    strict, _ = split({"a": clips + others}, Scheme(strict_groups=True))
    assert strict.parts == {"s3": "test", "o0": "train", "o1": "val", "o2": "test"}
    assert strict.dropped == {"a": 3}


def test_test_wins_over_the_training_of_another_corpus_and_is_counted() -> None:
    # The same song is trained on in one corpus and tested in the other.
    one = [
        example("a1", "song/1", part="train"),
        example("a2", "song/2", part="train"),
        example("a3", "song/3", part="val"),
        example("a4", "song/4", part="test"),
    ]
    other = [
        example("b1", "song/1", part="test"),
        example("b2", "song/5", part="train"),
        example("b3", "song/2", part="val"),
        example("b4", "song/4", part="train"),
    ]
    made, _ = split({"a": one, "b": other}, Scheme())
    assert made.parts == {
        "a3": "val",
        "a4": "test",
        "b1": "test",
        "b2": "train",
        "b3": "val",
    }
    assert made.dropped == {"a": 2, "b": 1}
    assert made.split == Split(("song/5",), ("song/2", "song/3"), ("song/1", "song/4"))


def test_copies_in_two_corpora_are_tied_by_their_content() -> None:
    one = [example(f"a{n}", f"x/{n}", key=f"{n}") for n in range(6)]
    other = [example(f"b{n}", f"y/{n}", key=f"{n + 3}") for n in range(6)]
    for fold in range(3):
        scheme = Scheme("kfold", fold, 3)
        made, units = split({"a": one, "b": other}, scheme)
        for n in range(3):
            assert units[f"a{n + 3}"] == units[f"b{n}"] == f"x/{n + 3}"
            assert made.parts[f"a{n + 3}"] == made.parts[f"b{n}"]


def test_folds_hold_corpora_that_have_some_and_others_are_dealt() -> None:
    folds = [frozenset({f"artist/s{n}"}) for n in range(4)]
    members = {"a": songs("s", 8, artists=4), "b": songs("t", 12)}
    made, _ = split(members, Scheme(fold=1, folds=4), {"a": folds, "b": ()})
    tested = [clip for clip, part in made.parts.items() if part == "test"]
    assert {clip for clip in tested if clip[0] == "s"} == {"s1", "s5"}
    assert len([clip for clip in tested if clip[0] == "t"]) == 3


def test_all_folds_test_every_clip_once() -> None:
    folds = [frozenset({f"artist/s{n}"}) for n in range(4)]
    members = with_units({"a": songs("s", 8, artists=4)}, Scheme())
    for scheme, count in ((Scheme(), 4), (Scheme("kfold", folds=3), 3)):
        made = every_partition(members, {"a": folds}, scheme)
        assert len(made) == count
        tested = [c for one in made for c, part in one.parts.items() if part == "test"]
        assert sorted(tested) == sorted(one.clip.id for one in members["a"])
    given_parts = [example(f"s{n}", f"{n}", part=part) for n, part in enumerate(PARTS)]
    assert len(every_partition({"a": given_parts}, {"a": ()}, Scheme())) == 1


def test_a_given_split_may_name_a_unit_by_any_of_its_groups() -> None:
    members = {"a": songs("s", 6, artists=3)}
    named = Split(("s/0",), ("artist/s1",), ("s/5",))
    made, units = split(members, named)
    assert units["s5"] == units["s2"] == "artist/s2"
    assert made.parts == {
        "s0": "train",
        "s3": "train",
        "s1": "val",
        "s4": "val",
        "s2": "test",
        "s5": "test",
    }
    with pytest.raises(SplitError, match="names artist/x, of which no corpus"):
        split(members, Split(("s/0",), ("artist/x",), ("s/5",)))


def test_stretches_of_one_file_are_never_in_two_parts() -> None:
    whole = [example(f"a{n}", f"a/{n}", key=f"d{n}") for n in range(12)]
    stretches = [
        example(f"b{n}", f"b/{5 * n % 12}", key=f"d{n}@0-20") for n in range(12)
    ]
    late = [example(f"c{n}", f"b/c{n}", key=f"d{n}@10-30") for n in range(12)]
    for seed in range(5):
        scheme = Scheme("kfold", 0, 6, seed)
        made, _ = split({"a": whole, "b": [*stretches, *late]}, scheme)
        for n in range(12):
            parts = {made.parts.get(f"{role}{n}") for role in "abc"}
            assert len(parts) == 1, n


def test_one_name_for_two_clips_of_two_roles_is_refused() -> None:
    members = {"a": songs("s", 4), "b": [example("s1", "other/1", key="other")]}
    with pytest.raises(SplitError, match="s1 of b is the name of another clip too"):
        split(members, Scheme("leave_one_out"))
    same = songs("s", 4)
    made, _ = split({"a": same, "b": same}, Scheme("leave_one_out"))
    assert len(made.parts) == 4


def test_a_corpus_without_folds_is_dealt_into_as_many_as_the_other_has() -> None:
    folds = {"a": [frozenset({f"a/{n}"}) for n in range(6)], "b": ()}
    members = {"a": songs("a", 6), "b": songs("b", 20)}
    for number in (5, 10):
        scheme = Scheme("official", folds=number)
        united = with_units(members, scheme)
        made = every_partition(united, folds, scheme)
        tested = [c for one in made for c, part in one.parts.items() if part == "test"]
        assert len(made) == 6
        assert sorted(tested) == sorted(e.clip.id for m in members.values() for e in m)


def test_a_given_split_that_cuts_a_unit_is_refused() -> None:
    members = {"a": songs("s", 4, artists=2)}
    given = Split(("s/0",), ("s/1",), ("s/2",))
    with pytest.raises(SplitError, match=r"s/0 in train and s/2 in test, and clips of"):
        split(members, given)


def test_what_the_authors_cut_is_counted() -> None:
    parts: tuple[Part, ...] = ("train", "val", "test")
    members = {
        "a": [example(f"{n}", f"s/{n}", "artist", part=parts[n % 3]) for n in range(6)]
    }
    made, _ = split(members, Scheme("official"))
    assert made.cut == {"a": 1}
    assert not made.dropped
    for n, part in enumerate(parts):
        members["a"].append(example(f"o{n}", f"o/{n}", f"artist {n}", part=part))
    strict, _ = split(members, Scheme("official", strict_groups=True))
    assert strict.cut == {"a": 0}
    assert strict.dropped == {"a": 4}


def test_corpora_with_folds_of_their_own_are_split_side_by_side() -> None:
    members = {"a": songs("a", 4), "b": songs("b", 3)}
    folds = {
        role: tuple(frozenset({f"{role}/{n}"}) for n in range(number))
        for role, number in (("a", 4), ("b", 3))
    }
    tested = []
    for fold in range(4):
        made, _ = split(members, Scheme(fold=fold), folds)
        assert {made.parts[f"a{n}"] for n in range(4)} == set(PARTS)
        assert {made.parts[f"b{n}"] for n in range(3)} == set(PARTS)
        tested.append(sorted(c for c, part in made.parts.items() if part == "test"))
    assert tested == [["a0", "b0"], ["a1", "b1"], ["a2", "b2"], ["a3", "b0"]]
    united = with_units(members, Scheme())
    assert len(every_partition(united, folds, Scheme())) == 4
    with pytest.raises(SplitError, match="There is no fold 4: choose 0 to 3"):
        split(members, Scheme(fold=4), folds)


def test_authors_parts_do_not_cut_an_artist_of_another_corpus() -> None:
    # Of artist x, one corpus trains on a song and the other tests one.
    parts: tuple[Part, ...] = ("train", "train", "val", "test")
    own = [
        example(f"a{n}", f"a/{n}", f"artist/{'xyyz'[n]}", part=part)
        for n, part in enumerate(parts)
    ]
    other = [example("b0", "b/0", "artist/x", part="test")]
    other += [example(f"b{n}", f"b/{n}", part=PARTS[n % 3]) for n in range(1, 7)]
    made, units = split({"a": own, "b": other}, Scheme())
    assert units["a0"] == units["b0"]
    assert units["a1"] != units["a2"]  # whom only its own authors cut
    assert "a0" not in made.parts
    assert made.parts["b0"] == "test"
    assert made.dropped == {"a": 1}
    same, _ = split({"a": own, "b": own}, Scheme())
    assert [same.parts[f"a{n}"] for n in range(4)] == list(parts)
