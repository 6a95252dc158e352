import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from torch.utils.data import ConcatDataset, DataLoader, Subset

from crossemo.corpora.base import Clip, Part
from crossemo.data.examples import Example
from crossemo.data.provenance import (
    NOTHING,
    LeakError,
    Material,
    Provenance,
    examples_of,
    leaks_of,
)
from tests.data.modules import cross, ready

SEEN = Provenance(
    Material(frozenset({"a/1", "a/2"}), frozenset({"1" * 16})),
    Material(frozenset({"a/3"}), frozenset({"3" * 16})),
)


def clip(*groups: str, digest: str = "0", ties: Sequence[str] | None = None) -> Example:
    one = Clip("x", Path("x.wav"), groups)
    tied = tuple(groups if ties is None else ties)
    return Example(one, f"{digest * 32}@0.5-1", 0, groups[0], tied)


@pytest.mark.parametrize(
    ("judge", "test", "val"),
    [
        (clip("a/1"), True, True),  # trained on
        (clip("a/3"), True, False),  # chosen by
        (clip("a/4"), False, False),
        (clip("b/1"), False, False),  # of another corpus
        (clip("b/1", digest="1"), True, True),  # a copy of what was trained on
        (clip("b/1", digest="3"), True, False),  # of what was chosen by
        (clip("a/4", "a/1"), True, True),  # by another of its groups
        (clip("a/4", "a/1", ties=["a/4"]), False, False),  # which its split may cut
        (clip("a/4", "a/1", ties=[]), True, True),  # of no split
    ],
)
def test_what_was_trained_on_or_chosen_by_is_no_judge(
    judge: Example, test: bool, val: bool
) -> None:
    parts: dict[Part, bool] = {"test": test, "val": val}
    for part, refused in parts.items():
        judged: dict[Part, list[Example]] = {part: [clip("a/5"), judge]}
        assert bool(SEEN.shared(part, judged[part])) == refused
        assert list(leaks_of(SEEN, judged, allowed=True)) == [part] * refused
        if refused:
            with pytest.raises(LeakError, match=f"the {part} part holds them"):
                leaks_of(SEEN, judged, allowed=False)
        else:
            assert leaks_of(SEEN, judged, allowed=False) == {}


def test_a_file_is_known_by_whatever_stretch_of_it() -> None:
    stretch, whole = clip("a/1", digest="7"), clip("b/1", digest="7")
    seen = Provenance(Material.of([stretch]))
    assert seen.train.contents == {"7" * 16}
    assert seen.shared("test", [replace(whole, key="7" * 32)]).contents == {"7" * 16}


def test_provenances_add_up_and_survive_json() -> None:
    other = Provenance(Material(frozenset({"b/1"})), Material(frozenset({"a/1"})))
    both = SEEN | other
    assert both.train.groups == {"a/1", "a/2", "b/1"}
    assert both.val.groups == {"a/3", "a/1"}
    assert both.train.contents == {"1" * 16}
    assert both.val.contents == {"3" * 16}
    assert Provenance.read(json.loads(json.dumps(both.plain())), "") == both
    assert both | NOTHING == both
    assert both
    assert not NOTHING
    begun = Provenance(repositories=frozenset({"b/y", "a/x"}))
    assert begun
    assert begun.plain()["repositories"] == ["a/x", "b/y"]
    assert Provenance.read(begun.plain(), "") | SEEN == SEEN | begun
    # As versions before this one wrote it.
    before = {k: v for k, v in both.plain().items() if k != "repositories"}
    assert Provenance.read(before, "") == both


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"train": {}, "val": {}},
        {"train": [], "val": []},
        {"train": 1},
        {**SEEN.plain(), "repositories": "a/x"},
    ],
)
def test_a_broken_record_is_not_read_as_an_empty_one(content: object) -> None:
    with pytest.raises(
        LeakError, match=r"what the weights in here have seen is broken"
    ):
        Provenance.read(content, "here")  # type: ignore[arg-type]


def test_messages_name_what_was_seen() -> None:
    many = Material(frozenset(f"a/{n:02d}" for n in range(11)), frozenset({"1", "2"}))
    assert str(many) == (
        "a/00, a/01, a/02, a/03, a/04, a/05, a/06, a/07 and 3 more and 2 files"
    )
    assert str(Material(contents=frozenset({"1"}))) == "1 files"


def test_clips_are_reached_through_loaders_of_every_shape(tmp_path: Path) -> None:
    data = ready(cross(tmp_path))
    every = [data.dataset(role, "test") for role in data.roles]
    ids = [one.clip.id for dataset in every for one in dataset.examples]
    loaders = [
        data.test_dataloader(),
        {"a": data.loader("source", "test"), "b": (data.loader("target", "test"),)},
        DataLoader(ConcatDataset(every), batch_size=None),
        [Subset(dataset, [0]) for dataset in every],  # counts whole
    ]
    for one in loaders:
        assert [example.clip.id for example in examples_of(one)] == ids
    assert list(examples_of(DataLoader([1, 2]))) == []  # type: ignore[arg-type]
    assert list(examples_of(None)) == []
