"""What runs are called."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossemo.grids.expansion import Document, expand
from crossemo.grids.labels import Naming, file_name


def labels(*contents: Any) -> list[str]:
    runs = expand([Document("x.yaml", one) for one in contents])
    naming = Naming([run.picks for run in runs])
    return [naming.label(run.picks) for run in runs]


def grid(*values: Any) -> dict[str, Any]:
    return {"grid": list(values)}


def corpus(name: str, **options: Any) -> dict[str, Any]:
    return {"class_path": name, "init_args": options}


DATA = "data.init_args.source"
LABELS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"model": {"encoder": grid("small", "facebook/wav2vec2-base")}},
        ["small", "wav2vec2-base"],
    ),
    ({"model": {"encoder": grid("out/a", "out/b/")}}, ["a", "b"]),
    ({"model": {"encoder": grid("one/a", "two/a")}}, ["a", "b"]),
    ({"stages": grid("../gain.yaml", "joint.yml")}, ["gain", "joint"]),
    ({"seed_everything": grid(0, 1)}, ["seed0", "seed1"]),
    ({"model": {"lr": grid(0.001, 1e-5)}}, ["lr0.001", "lr1e-05"]),
    (
        {"model": {"layer_norm": grid(True, None)}},
        ["layer_norm-true", "layer_norm-none"],
    ),
    ({"model": {"init_args": {"layers": grid([0, 1], [2])}}}, ["0+1", "2"]),
    (
        {"data": grid(corpus("crossemo.RAVDESS", root="a"), corpus("EMODB", root="b"))},
        ["RAVDESS", "EMODB"],
    ),
    (
        {"data": grid(corpus("RAVDESS", channel="song"), corpus("RAVDESS"))},
        ["song", "b"],
    ),
    ({"data": grid(corpus("A", root="x"), corpus("A", root="y"))}, ["x", "y"]),
    (
        {
            "source": {"channel": grid("speech", "song")},
            "target": {"channel": grid("a", "b")},
        },
        ["speech_a", "speech_b", "song_a", "song_b"],
    ),
    ({"name": grid("x" * 41, "Ä/ö u")}, ["a", "u"]),
    ({"name": grid("A", "a")}, ["a", "b"]),
    ({"lr": grid(1)}, [""]),
]


@pytest.mark.parametrize(("content", "names"), LABELS)
def test_values_are_named_by_what_tells_them_apart(
    content: dict[str, Any], names: list[str]
) -> None:
    assert labels(content) == names


def root(*values: Any) -> dict[str, Any]:
    return {"root": grid(*values)}


def pair(name: str, *values: Any) -> dict[str, Any]:
    return {"zip": {name: list(values)}}


def test_what_varies_together_is_named_as_far_as_it_tells() -> None:
    strategy = {
        "tuning": pair("strategy", "frozen", "frozen", "lora", "full"),
        "layers": pair("strategy", "last", "weighted", "weighted", "weighted"),
    }
    names = ["frozen-last", "frozen-weighted", "lora", "full"]
    assert labels({"model": strategy}) == names


def test_source_and_target_are_both_named() -> None:
    speech, song = corpus("IEMOCAP", root="i"), corpus("EMOPIA", root="e")
    direction = {
        "source": pair("direction", speech, song),
        "target": pair("direction", song, speech),
    }
    assert labels({"data": direction}) == ["IEMOCAP-EMOPIA", "EMOPIA-IEMOCAP"]


def test_axes_of_one_setting_are_one_and_those_of_one_name_are_told_apart() -> None:
    encoder = grid("tiny", "small")
    probes = {"class_path": "LayerwiseProbes", "init_args": {"encoder": encoder}}
    runs = expand([
        Document("x.yaml", grid({"model": {"encoder": encoder}}, {"model": probes})),
        Document("y.yaml", {"source": root(1, 2), "target": root(3, 4)}),
    ])  # fmt: skip
    naming = Naming([run.picks for run in runs])
    assert naming.keys == {
        "config": ("",),
        "encoder": ("model.encoder",),
        "source.root": ("source.root",),
        "target.root": ("target.root",),
    }
    assert naming.values["config"] == ("a", "LayerwiseProbes")
    assert naming.values["encoder"] == ("tiny", "small")
    assert naming.axes(runs[-1].picks) == {
        "config": "LayerwiseProbes",
        "encoder": "small",
        "source.root": "root2",
        "target.root": "root4",
    }


@given(text=st.text())
def test_any_text_becomes_the_name_of_a_file(text: str) -> None:
    name = file_name(text)
    assert name.isascii()
    assert not set(name) & set("/\\ \0:*?\"'<>|\n")
    assert not name.startswith((".", "-"))
