from functools import partial
from inspect import signature
from math import inf, nan
from typing import Any

import pytest

from crossemo.errors import CrossEmoError
from crossemo.probes import LayerwiseProbes
from crossemo.probes.clips import TRAIN, VAL
from crossemo.probes.linear import SolvedProtocol
from crossemo.probes.logistic import solve_logistic
from crossemo.probes.protocols import (
    PROTOCOLS,
    compared_settings,
    options_of,
    protocol_of,
    settings_of,
)
from tests.probes.made_up import features, made_up, solve

OF_LINEAR: dict[str, Any] = {"penalties": (1e-3,), "precision": "float32"}
OF_SUPERB: dict[str, Any] = {
    "hidden": 8,
    "rates": (1e-3,),
    "seeds": (0,),
    "weight_decay": 0.1,
    "patience": 30,
}


def test_every_option_belongs_to_the_heads_that_use_it() -> None:
    assert options_of("linear").keys() == OF_LINEAR.keys()
    assert options_of("superb").keys() == OF_SUPERB.keys()


def test_a_head_has_the_defaults_that_a_user_reads() -> None:
    parameters = signature(LayerwiseProbes).parameters
    for head in PROTOCOLS:
        for name, default in options_of(head).items():
            assert parameters[name].default == default


@pytest.mark.parametrize("name", OF_SUPERB)
def test_linear_probes_refuse_what_only_training_needs(name: str) -> None:
    sentence = rf"^model\.{name} is an option of the superb head, and linear has no use"
    with pytest.raises(CrossEmoError, match=sentence):
        LayerwiseProbes(**{name: OF_SUPERB[name]})


@pytest.mark.parametrize("name", OF_LINEAR)
def test_superb_refuses_what_only_solving_needs(name: str) -> None:
    sentence = rf"^model\.{name} is an option of the linear head, and superb has no use"
    with pytest.raises(CrossEmoError, match=sentence):
        LayerwiseProbes(head="superb", **{name: OF_LINEAR[name]})


def test_a_heads_own_options_and_others_defaults_are_taken() -> None:
    lists: dict[str, Any] = {"rates": list(options_of("superb")["rates"])}  # of a YAML
    linear = LayerwiseProbes(**OF_LINEAR, **lists)
    assert linear.protocol.grid == OF_LINEAR["penalties"]
    superb = LayerwiseProbes(head="superb", **OF_SUPERB)
    assert superb.protocol.grid == OF_SUPERB["rates"]
    settings = settings_of(linear.hparams)
    assert OF_LINEAR.keys() <= settings.keys()
    assert not OF_SUPERB.keys() & settings.keys()
    assert settings["encoder"] == "wav2vec2-base"
    for probes in (linear, superb):
        compared = compared_settings(probes.hparams)
        of_head = options_of(probes.hparams["head"])
        assert compared.keys() == {"head", "pooling", "speaker_norm", *of_head}
        assert all(compared[name] == probes.hparams[name] for name in compared)


@pytest.mark.parametrize("name", ["rates", "seeds", "layers", "folds"])
def test_empty_lists_are_refused(name: str) -> None:
    sentence = rf"^model\.{name} is empty: give at least one\.$"
    options: dict[str, Any] = {name: []}
    with pytest.raises(CrossEmoError, match=sentence):
        LayerwiseProbes(head="superb", **options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rates": (1e-3, 0.0)}, "train nothing: rates are above 0, "),
        ({"rates": (-1e-3,)}, "train nothing: rates are above 0, "),
        ({"patience": 0}, "train nothing: .* patience is 1 or more"),
        ({"seeds": (0, -1)}, "give numbers from 0"),
        ({"shuffles": -1}, r"model\.shuffles is -1: give 0 or more"),
    ],
)
def test_what_trains_nothing_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CrossEmoError, match=sentence):
        LayerwiseProbes(head="superb", **options)
    LayerwiseProbes(head="superb", rates=(1e-9,), patience=1, shuffles=0)


@pytest.mark.parametrize("penalties", [(), (1e-3, 0.0), (-1.0,), (nan,), (inf,)])
def test_penalties_without_an_optimum_are_refused(penalties: tuple[float, ...]) -> None:
    with pytest.raises(CrossEmoError, match=r"^model\.penalties are \[.*\]: give one"):
        LayerwiseProbes(penalties=penalties)


def test_solved_probes_have_no_seeds_and_trained_ones_have() -> None:
    linear, superb = (protocol_of(h, options_of("linear") | options_of("superb"))
                      for h in PROTOCOLS)  # fmt: skip
    assert linear.variants(2) == [(None, None), (None, 0), (None, 1)]
    assert superb.variants(2) == [(0, None), (1, None), (2, None), (-1, 0), (-2, 1)]
    assert linear.fitted == (TRAIN, VAL)
    assert superb.fitted == (TRAIN,)


def test_problems_that_miss_the_tolerance_are_counted_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clips = made_up(folds=2)
    values = features(clips)
    protocol = SolvedProtocol(penalties=(1e-6, 1.0))
    solved = solve(clips, values, penalties=protocol.penalties)
    assert not list(protocol.warnings([solved]))
    assert protocol.describe([solved]) == {
        "protocol": " ".join(protocol.summary(clips.task).split()),
        "tolerances": (1e-8, 1e-10),
        "problems": 6,  # two penalties and one chosen, in two folds
        "missed": 0,
        "farthest": solved.farthest,
    }
    assert 0 < solved.farthest <= 1
    hurried = partial(solve_logistic, max_steps=3)
    monkeypatch.setattr("crossemo.probes.solved_classes.solve_logistic", hurried)
    hasty = solve(clips, values, penalties=protocol.penalties)
    (sentence,) = protocol.warnings([hasty, solved])
    ratio = f"{hasty.farthest:.2g}"
    start = f"{hasty.missed} of 12 regressions ended up to {ratio} times as far"
    assert sentence.startswith(start)
    assert hasty.farthest > 1
    assert 2 <= hasty.missed < 6
