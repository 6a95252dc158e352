"""Configs that are written anew are read as the same; what was typed is passed on."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossemo.commands.configs import load
from crossemo.errors import CrossEmoError
from crossemo.grids.drafts import Draft, config_of, drafts_of, dumped, typed_options

TRICKY = ["1e-3", "1.0", "true", "no", "~", "null", "", "2024-01-01", "a: b", "- a"]
TRICKY += [
    "@x",
    "*x",
    "&x",
    "{a",
    "a\nb\n",
    "0x1F",
    "1_000",
    "=",
    "<<",
    ".inf",
    "é",
    "#",
]
TEXTS = st.sampled_from(TRICKY) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), max_size=8
)
SCALARS = (
    TEXTS
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.none()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c_d"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(value=VALUES, flow=st.booleans())
def test_what_is_written_is_read_as_the_same(value: Any, flow: bool) -> None:
    text = dumped(value, flow)
    again = load(text)
    assert (again, repr(again)) == (value, repr(value))
    assert not flow or "\n" not in text


def drafts(here: Path, words: list[str], **configs: str) -> list[Draft]:
    documents = []
    for name, text in configs.items():
        (here / f"{name}.yaml").write_text(text)
        documents.append(config_of(here / f"{name}.yaml"))
    return drafts_of(documents, list(typed_options(words)))


def test_each_run_has_its_configs_and_its_options(here: Path) -> None:
    words = ["--data.fold", "{grid: [0, 1]}", "--model.peft={r: 2}", "--lr=1e-3"]
    every = drafts(here, words, one="a: {grid: [x, 1.0e-05]}", two="b: 2")
    assert [draft.words(Path("home"))[2:] for draft in every] == [
        [f"--data.fold={fold}", "--model.peft={r: 2}", "--lr=1e-3"]
        for _ in range(2)
        for fold in (0, 1)
    ]
    assert every[0].words(Path("home"))[:2] == [
        "--config=home/one.yaml",
        "--config=home/two.yaml",
    ]
    texts = [draft.texts() for draft in every]
    assert [load(one["one.yaml"]) for one in texts] == [
        *({"a": "x"} for _ in range(2)),
        *({"a": 1e-05} for _ in range(2)),
    ]
    assert {one["two.yaml"] for one in texts} == {"b: 2\n"}
    peft = {"model": {"peft": {"r": 2}}, "lr": 0.001}
    assert every[3].settings == {"a": 1e-05, "b": 2, "data": {"fold": 1}, **peft}


def test_configs_that_configs_name_are_written_into_them(here: Path) -> None:
    (here / "more").mkdir()
    (here / "more" / "gain.yaml").write_text("source: {max_epochs: {grid: [1, 2]}}")
    (here / "more" / "m.yaml").write_text("model: x\nstages: gain.yaml\n")
    document = config_of(here / "more" / "m.yaml")
    contents = [draft.configs["m.yaml"] for draft in drafts_of([document], [])]
    stages = [{"source": {"max_epochs": number}} for number in (1, 2)]
    assert contents == [{"model": "x", "stages": one} for one in stages]


def test_a_config_that_holds_itself_is_refused(here: Path) -> None:
    (here / "a.yaml").write_text("x: 1\nmodel: b.yaml\n")
    (here / "b.yaml").write_text("stages: [a.yaml]")
    sentence = "b.yaml, line 1: a.yaml would hold itself: take it out."
    with pytest.raises(CrossEmoError, match=sentence):
        drafts_of([config_of(Path("a.yaml"))], [])


def test_configs_of_one_name_have_files_of_two(here: Path) -> None:
    (here / "a").mkdir()
    (here / "a" / "x.yaml").write_text("b: 1")
    (here / "x.yaml").write_text("b: 2")
    documents = [config_of(Path("x.yaml")), config_of(Path("a/x.yaml"))]
    (draft,) = drafts_of(documents, [])
    assert draft.texts() == {"x.yaml": "b: 2\n", "2-x.yaml": "b: 1\n"}
    assert draft.settings == {"b": 1}


def test_a_fold_takes_the_place_of_all_of_them(here: Path) -> None:
    config = "fit: {data: {class_path: D, init_args: {fold: all, task: all}}}"
    (draft,) = drafts(here, ["--data.init_args.fold=all", "--x=all"], one=config)
    assert draft.all_folds
    one = draft.of_fold(3)
    inner = {"class_path": "D", "init_args": {"fold": 3, "task": "all"}}
    assert one.configs["one.yaml"] == {"fit": {"data": inner}}
    assert one.words(Path())[1:] == ["--data.init_args.fold=3", "--x=all"]
    assert one.settings["data"]["fold"] == 3
    assert not one.all_folds


def test_what_is_overridden_is_no_axis_and_no_further_run(here: Path) -> None:
    config = "model: {tuning: {grid: [frozen, lora]}, encoder: {grid: [a, b]}}"
    every = drafts(here, ["--model.tuning=lora"], one=config, two="model: {encoder: c}")
    assert [draft.settings["model"] for draft in every] == [
        {"tuning": "lora", "encoder": "c"}
    ]
    (both,) = {json.dumps(sorted(map(str, draft.picks))) for draft in every}
    assert "encoder" not in both


def test_the_order_of_stages_makes_two_runs(here: Path) -> None:
    assert (
        len(drafts(here, [], one="stages: {grid: [{a: 1, b: 1}, {b: 1, a: 1}]}")) == 2
    )


@pytest.mark.parametrize("words", [["--lr"], ["--lr", "--x=1"]])
def test_an_option_without_a_value_is_named(words: list[str]) -> None:
    with pytest.raises(CrossEmoError, match="--lr needs a value"):
        list(typed_options(words))
