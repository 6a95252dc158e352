from crossemo.runs.checkpoint_files import ORIGIN
from crossemo.runs.origin import KEY, origin_of


def test_a_checkpoint_says_which_stage_it_is_of() -> None:
    checkpoint = {
        "epoch": 4,
        "global_step": 30,
        KEY: {"stages": {"source": {}, "target": {}}},
        "callbacks": {
            "StageSwitch": {"index": 1},
            "StageCheckpoint/source": {"monitor": "a", "best_model_score": 0.9},
            "StageCheckpoint/target": {"monitor": "b", "best_model_score": 0.5},
        },
    }
    assert origin_of(checkpoint) == {
        "stage": "target",
        "epoch": 4,
        "step": 30,
        "monitor": "b",
        "score": 0.5,
    }


def test_a_checkpoint_that_was_altered_is_not_believed() -> None:
    altered = {"callbacks": 5, ORIGIN: {"path": "a.ckpt", "sealed": False}}
    assert set(origin_of(altered).values()) == {None}


def test_another_checkpoint_says_nothing() -> None:
    assert set(origin_of({}).values()) == {None}
    beyond = {"callbacks": {"StageSwitch": {"index": 7}}, KEY: {"stages": {"a": {}}}}
    assert origin_of(beyond)["stage"] is None
