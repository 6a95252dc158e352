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
