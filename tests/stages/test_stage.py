import math
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crossemo.stages.stage import Stage, StageError, baseline_of, chain_of, forgotten_of

COUNTS = st.integers(1, 50)


@given(st.none() | COUNTS, st.none() | COUNTS, COUNTS)
def test_a_stage_ends_with_what_ends_first(
    epochs: int | None, steps: int | None, per_epoch: int
) -> None:
    stage = Stage(max_epochs=epochs, max_steps=steps)
    asked = [n for n in (epochs and epochs * per_epoch, steps) if n]
    taken = stage.steps(per_epoch)
    assert taken == (min(asked) if asked else 10 * per_epoch)
    assert stage.epochs(per_epoch) == math.ceil(taken / per_epoch)


def test_roles_are_the_name_s_unless_given() -> None:
    assert Stage().roles("target") == ("target",)
    assert Stage(data="source").roles("target") == ("source",)
    assert Stage(data=["source", "target"]).roles("x") == ("source", "target")


STAGES = {
    "alone": Stage(data="song"),
    "speech": Stage(start_from="scratch"),
    "acted": Stage(data="speech", start_from="last"),
    "song": Stage(),
    "other": Stage(start_from="some.ckpt", data="song"),
}


def test_weights_come_down_a_chain() -> None:
    assert chain_of("song", STAGES) == ("speech", "acted", "song")
    assert chain_of("alone", STAGES) == ("alone",)
    assert chain_of("other", STAGES) == ("other",)


def test_gains_are_over_the_same_data_alone() -> None:
    assert baseline_of("song", STAGES) == "alone"
    assert baseline_of("acted", STAGES) == "speech"
    assert baseline_of("alone", STAGES) is None
    # What starts from another run's weights has not trained on the target alone.
    assert (
        baseline_of("song", {k: STAGES[k] for k in ("other", "speech", "song")}) is None
    )


def test_what_came_before_may_be_forgotten() -> None:
    assert forgotten_of("song", STAGES) == [("speech", "speech"), ("acted", "speech")]
    assert forgotten_of("acted", STAGES) == []  # the same data


@pytest.mark.parametrize(
    "fields",
    [
        {"max_epochs": 0},
        {"max_steps": -1},
        {"patience": 0},
        {"batch_size": 0},
        {"lr": -1e-3},
        {"warmup": 1.5},
    ],
)
def test_numbers_out_of_range_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(StageError, match=f"A stage's {next(iter(fields))} "):
        Stage(**fields)  # type: ignore[arg-type]


def test_the_stages_that_the_docs_show_can_be_made() -> None:
    page = Path(__file__).parents[2] / "docs" / "stages.md"
    (block,) = re.findall(r"```yaml\nstages:\n(.+?)```", page.read_text(), re.DOTALL)
    stages = yaml.safe_load(f"stages:\n{block}")["stages"]
    made = {name: Stage(**fields) for name, fields in stages.items()}
    assert chain_of("target", made) == ("source", "whole_source", "target")
