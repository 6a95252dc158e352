from dataclasses import replace
from typing import Any

import pytest

from crossemo.layerwise.comparable_runs import differing_settings
from crossemo.probes.judgements import Judgements
from tests.layerwise.made_up import made_up_judgements

JUDGEMENTS = made_up_judgements()
SETTINGS = {"head": "linear", "seeds": [0, 1], "speaker_norm": False}


def run(encoder: str, **settings: Any) -> Judgements:
    return replace(
        JUDGEMENTS, about={"encoder": encoder, "settings": SETTINGS | settings}
    )


def test_runs_of_one_kind_differ_in_their_encoders_alone() -> None:
    assert not list(differing_settings([run("one"), run("other"), run("third")]))


def test_every_setting_that_differs_is_named() -> None:
    runs = [run("one"), run("other", head="superb"), run("third", seeds=[0])]
    end = "so that a difference between them is not the encoders' alone."
    assert list(differing_settings(runs)) == [
        f"The runs differ in head (linear, superb), {end}",
        f"The runs differ in seeds ([0, 1], [0]), {end}",
    ]


@pytest.mark.parametrize("place", range(3))
def test_any_of_the_runs_may_be_the_other_one(place: int) -> None:
    runs = [run("one"), run("other"), run("third")]
    runs[place] = run("another", speaker_norm=True)
    (sentence,) = differing_settings(runs)
    assert sentence.startswith("The runs differ in speaker_norm (")


def test_heads_with_settings_of_their_own_differ_in_their_names() -> None:
    of_linear = {"head": "linear", "penalties": [0.1]}
    of_superb = {"head": "superb", "rates": [0.1]}
    linear, superb = (
        replace(JUDGEMENTS, about={"settings": settings})
        for settings in (of_linear, of_superb)
    )
    for runs, heads in (
        ([linear, superb], "linear, superb"),
        ([superb, linear], "superb, linear"),
    ):
        (sentence,) = differing_settings(runs)
        assert sentence.startswith(f"The runs differ in head ({heads}), ")
