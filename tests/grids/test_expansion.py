"""Products and zips against itertools, and what is said of choices that are none."""

import json
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossemo.commands.configs import load
from crossemo.commands.survey import survey
from crossemo.grids.expansion import ChoiceError, Document, expand


def settings_of(*contents: Any) -> list[Any]:
    documents = [Document(f"{n}.yaml", one) for n, one in enumerate(contents)]
    return [list(one.settings) for one in expand(documents)]


def brute(value: Any) -> list[Any]:
    """All that a value with grids stands for, by itertools."""
    if isinstance(value, list):
        return [list(row) for row in product(*map(brute, value))]
    if not isinstance(value, dict):
        return [value]
    if "grid" in value:
        return [one for option in value["grid"] for one in brute(option)]
    rows = product(*map(brute, value.values()))
    return [dict(zip(value, row, strict=True)) for row in rows]


def zipped(value: Any, number: int) -> Any:
    """A value with the option of that number for each of its zips."""
    if isinstance(value, list):
        return [zipped(one, number) for one in value]
    if not isinstance(value, dict):
        return value
    if "zip" in value:
        options = value["zip"]
        options = options["both"] if isinstance(options, dict) else options
        return zipped(options[number], number)
    return {key: zipped(one, number) for key, one in value.items()}


def choices(word: str, least: int, most: int) -> st.SearchStrategy[Any]:
    scalars = st.integers(0, 3) | st.sampled_from(["a", "b", None, True, 0.5])

    def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        options = st.lists(inner, min_size=least, max_size=most)
        return (
            st.dictionaries(st.sampled_from(["x", "y", "z"]), inner, max_size=3)
            | st.lists(inner, max_size=2)
            | options.map(lambda values: {word: values})
        )

    return st.recursive(scalars, nested, max_leaves=8)


@given(value=choices("grid", 1, 3))
def test_grids_multiply_as_products_do(value: Any) -> None:
    assert [one for (one,) in settings_of(value)] == brute(value)


@given(value=choices("grid", 1, 2), other=choices("grid", 1, 2))
def test_several_configs_multiply(value: Any, other: Any) -> None:
    rows = [list(row) for row in product(brute(value), brute(other))]
    assert settings_of(value, other) == rows


@given(value=choices("zip", 2, 2), name=st.booleans())
def test_zips_advance_together(value: Any, name: bool) -> None:
    rows = [one for (one,) in settings_of({"all": {"zip": [0, 1]}, "inner": value})]
    assert rows == [{"all": n, "inner": zipped(value, n)} for n in (0, 1)]


@given(
    grids=st.lists(st.integers(1, 3), max_size=3),
    pairs=st.lists(st.sampled_from(["both", "other", ""]), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_zips_multiply_with_grids(
    grids: list[int], pairs: list[str], order: Any
) -> None:
    content: dict[str, Any] = {
        f"g{n}": {"grid": list(range(size))} for n, size in enumerate(grids)
    }
    for number, name in enumerate(pairs):
        options = [f"{name}{n}" for n in range(2 + len(name))]
        content[f"z{number}"] = {"zip": {name: options} if name else options}
    keys = list(content)
    order.shuffle(keys)
    lengths = {name: 2 + len(name) for name in dict.fromkeys(pairs)}
    expected = [
        {f"g{n}": value for n, value in enumerate(row)}
        | {f"z{n}": f"{name}{places[name]}" for n, name in enumerate(pairs)}
        for row in product(*map(range, grids))
        for place in product(*map(range, lengths.values()))
        for places in [dict(zip(lengths, place, strict=True))]
    ]
    rows = [one for (one,) in settings_of({key: content[key] for key in keys})]

    def counted(every: list[Any]) -> Counter[str]:
        return Counter(json.dumps(one, sort_keys=True) for one in every)

    assert counted(rows) == counted(expected)


def test_named_zips_pair_configs_and_unnamed_ones_do_not() -> None:
    named = {"zip": {"direction": [1, 2]}}
    assert settings_of({"a": named}, {"b": named}) == [
        [{"a": 1}, {"b": 1}],
        [{"a": 2}, {"b": 2}],
    ]
    assert len(settings_of({"a": {"zip": [1, 2]}}, {"b": {"zip": [1, 2, 3]}})) == 6


def test_whole_configs_may_be_chosen_from_and_differ_in_what_they_vary() -> None:
    first, other = {"lr": {"grid": [1, 2]}}, {"fold": {"grid": [0, 1, 2]}}
    runs = expand([Document("a.yaml", {"grid": [first, other]})])
    assert [one for (one,) in (run.settings for run in runs)] == [
        *({"lr": n} for n in (1, 2)),
        *({"fold": n} for n in (0, 1, 2)),
    ]
    picked = [{key: pick.place for key, pick in run.picks.items()} for run in runs]
    assert [len(one) for one in picked] == [2] * 5


def test_other_configs_are_taken_in_with_their_choices() -> None:
    inner = Document("in.yaml", {"lr": {"grid": [1, 2]}}, folder=Path("in"))

    def include(value: str, document: Document) -> Document | None:
        return inner if value == "in.yaml" and document.name == "out.yaml" else None

    outer = Document("out.yaml", {"model": "in.yaml", "name": "a.yaml"})
    rows = [one for (one,) in (run.settings for run in expand([outer], include))]
    assert rows == [{"model": {"lr": n}, "name": "a.yaml"} for n in (1, 2)]


REFUSALS = {
    "a:\n  b: {grid: 3}": "x.yaml, line 2: grid is 3: list the values",
    "a:\n  b:\n    grid: []": "x.yaml, line 3: grid is empty: list the values",
    "b: {grid: }": "x.yaml, line 1: grid is empty: list",
    "b: {grid: {a: 1}}": "x.yaml, line 1: grid is {'a': 1}: list",
    "b: {zip: {n: 3}}": "x.yaml, line 1: zip is 3: list the values",
    "b: {zip: {n: []}}": "x.yaml, line 1: zip is empty",
    "b: {zip: {n: [1], m: [2]}}": "x.yaml, line 1: zip has the names n, m: give one",
    "b: {zip: {}}": "x.yaml, line 1: zip has the names none: give one",
    "a: 1\nb: {grid: [1], zip: [2]}": "x.yaml, line 2: grid stands beside zip",
    "a: {b: {lr: 1, grid: [1]}}": "x.yaml, line 1: grid stands beside lr",
    "a: {zip: [1, 2]}\nfit:\n  c: {init_args: {b: {zip: [1, 2, 3]}}}": (
        "x.yaml, line 3: this zip lists 3 values, but that of a, with which it "
        "advances, 2: list equally many"
    ),
    "grid:\n- a: {grid: []}\n": "x.yaml, line 2: grid is empty",
}


@pytest.mark.parametrize("text", REFUSALS)
def test_what_is_no_choice_is_named_with_its_line(text: str) -> None:
    with pytest.raises(ChoiceError) as error:
        expand([Document("x.yaml", load(text), survey(text))])
    assert str(error.value).startswith(REFUSALS[text])


def test_too_many_runs_are_refused_before_they_fill_the_memory() -> None:
    content = {f"k{n}": {"grid": list(range(100))} for n in range(20)}
    with pytest.raises(ChoiceError, match="more than 10000 runs"):
        expand([Document("x.yaml", content)])


def test_long_lists_are_no_trouble() -> None:
    units = [f"ravdess/{n}" for n in range(20_000)]
    rows = settings_of({"split": {"train": units}, "lr": {"grid": [1, 2]}})
    assert [row[0]["split"]["train"] == units for row in rows] == [True, True]
