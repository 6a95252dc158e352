import pytest
import torch

from crossemo.data.gathering import Judged
from crossemo.stages.comparisons import comparisons
from crossemo.stages.stage import Stage
from crossemo.tasks.classes import Classes

LABELS = torch.tensor([0, 0, 1, 1] * 3)
TASK = Classes.of_outputs(("calm", "sad"))
GROUPS = [name for name in "abc" for _ in range(4)]


def judged(*wrong: int) -> Judged:
    predictions = LABELS.clone()
    for clip in wrong:
        predictions[clip] = 1 - predictions[clip]
    return Judged(torch.eye(2)[predictions], LABELS, GROUPS)


def test_gain_and_what_was_kept_are_differences_on_the_same_clips() -> None:
    stages = {
        "target_only": Stage(data="target"),
        "source": Stage(start_from="scratch"),
        "target": Stage(),
    }
    said = {
        ("target_only", "target"): judged(0, 1, 2),
        ("source", "source"): judged(),
        ("source", "target"): judged(0, 1, 2, 3),
        ("target", "target"): judged(0),
        ("target", "source"): judged(4, 5),
    }
    gain, kept = comparisons(said, stages, TASK)
    assert (gain["what"], gain["stage"], gain["than"]) == (
        "gain",
        "target",
        "target_only",
    )
    # Recalls of the six clips of each class: 4/6 and 5/6 before, 5/6 and 1 after.
    assert gain["UA"] == pytest.approx((5 / 6 + 1) / 2 - (4 / 6 + 5 / 6) / 2)
    assert (kept["what"], kept["than"], kept["role"]) == ("kept", "source", "source")
    assert kept["UA"] == pytest.approx((4 / 6 + 1) / 2 - 1)
    for row in (gain, kept):
        low, high = row["UA_interval"]
        assert low < row["UA"] < high
        assert row["UA_interval_unit"] == "group"


def test_without_a_stage_on_the_target_alone_there_is_no_gain() -> None:
    stages = {"source": Stage(), "target": Stage()}
    said = {(s, r): judged(0) for s in stages for r in ("source", "target")}
    assert [row["what"] for row in comparisons(said, stages, TASK)] == ["kept"]


def test_stages_that_were_not_tested_are_left_out() -> None:
    stages = {"source": Stage(), "target": Stage()}
    assert comparisons({("source", "source"): judged()}, stages, TASK) == []
