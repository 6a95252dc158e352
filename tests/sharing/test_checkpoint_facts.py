"""What a model's record says of its tests, as its run's results have it."""

import json
from pathlib import Path

import pytest

from crossemo.sharing.checkpoint_facts import facts_of_checkpoint

LEAK = "LEAK, no fair score: the model was fine-tuned on demo (https://a)"
SOUND = "the encoder was pretrained on demo (https://a)"
NONE = (None, None)


@pytest.mark.parametrize(
    ("of_test", "of_places", "marks"),
    [
        ({}, ({}, {}), (NONE, NONE)),
        ({"pretraining": SOUND}, ({}, {}), ((None, SOUND), (None, SOUND))),
        (
            {"leak": LEAK, "pretraining": SOUND},
            ({"leak": "", "pretraining": SOUND}, {"leak": LEAK, "pretraining": ""}),
            ((None, SOUND), (LEAK, None)),
        ),
    ],
    ids=["none", "older results", "by place"],
)
def test_marks_of_a_test_go_along(
    of_test: dict[str, str],
    of_places: tuple[dict[str, str], ...],
    marks: tuple[tuple[str | None, str | None], ...],
    tmp_path: Path,
) -> None:
    scores = {
        role: {"UA": 0.5, "n": 4, **one}
        for role, one in zip(("source", "target"), of_places, strict=True)
    }
    test = {"checkpoint": "target.ckpt", "scores": scores, **of_test}
    content = {"roles": {}, "stages": {"target": test}}
    (tmp_path / "results.json").write_text(json.dumps(content))
    encoder = {
        **{"name": "tiny", "fingerprint": "0"},
        **{"classes": ["calm", "sad"], "sampling_rate": 16_000},
    }
    facts = facts_of_checkpoint(
        {"encoder": encoder, "hyper_parameters": {}},
        tmp_path / "checkpoints" / "target.ckpt",
    )
    rows = [(one["leak"], one["pretraining"]) for one in facts.scores]
    assert tuple(rows) == marks
    assert [one["scores"] for one in facts.scores] == [{"UA": 0.5}] * 2
