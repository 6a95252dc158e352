from math import log

import pytest
import torch

from crossemo.corpora.base import Scale
from crossemo.judging.output_map import LabelError, OutputMap, map_outputs
from crossemo.tasks import Task
from crossemo.tasks.classes import Classes
from crossemo.tasks.values import Values

THREE = Classes({"happy": ["happy"], "sad": ["sad"], "angry": ["angry", "disgust"]})


def mapped(labels: list[str], task: Task = THREE, **given: str | None) -> OutputMap:
    return map_outputs("theirs", labels, task, given)


def test_labels_find_their_classes_by_name_and_by_what_is_given() -> None:
    labels = ["Anger", "hap", "Sadness", "disgusted", "contempt", "fear"]
    one = mapped(labels)
    assert one.places == (2, 0, 1, 2, None, None)
    assert (one.left_out, one.absent) == (["contempt", "fear"], [])
    given = mapped(labels, contempt="angry", ANGER="none", fear="Sad")
    assert given.places == (None, 0, 1, 2, 2, 1)
    assert given.describe()["contempt"] == "angry"
    assert given.describe()["Anger"] is None


def test_a_class_may_be_named_as_the_data_name_it() -> None:
    task = Classes("four")
    assert mapped(["neutral/calm", "ang", "hap", "sad"], task).places == (3, 0, 1, 2)
    assert mapped(["neutral", "calm", "hap", "sad"], task).places == (3, 3, 1, 2)
    quadrants = Classes("quadrants")
    both = mapped(
        ["joy", "rage", "gloom", "peace"],
        quadrants,
        **dict(joy="Q1", rage="Q2", gloom="q3", peace="Q4"),
    )
    assert both.places == (0, 1, 2, 3)


def test_probabilities_of_a_class_s_labels_add_up_and_the_rest_is_left_out() -> None:
    shares = torch.tensor([[0.1, 0.2, 0.3, 0.15, 0.25]])
    one = mapped(["anger", "hap", "sad", "disgust", "other"])
    probabilities = THREE.predictions(one(shares.log()))
    expected = torch.tensor([[0.2, 0.3, 0.25]]) / 0.75
    torch.testing.assert_close(probabilities, expected)


def test_logits_of_the_classes_themselves_stay_as_they_are() -> None:
    logits = torch.randn(5, 3)
    moved = mapped(["angry", "happy", "sad"])(logits)
    assert torch.equal(moved, logits[:, [1, 2, 0]])


def test_a_class_without_a_label_has_no_share() -> None:
    one = mapped(["angry", "sad"])
    assert one.absent == ["happy"]
    probabilities = THREE.predictions(one(torch.tensor([[log(3.0), 0.0]])))
    torch.testing.assert_close(probabilities, torch.tensor([[0.0, 0.25, 0.75]]))


@pytest.mark.parametrize(
    ("labels", "given", "sentence"),
    [
        (
            ["LABEL_0", "LABEL_1", "LABEL_2"],
            {},
            "no output for happy, sad and angry that crossemo knows, and it doesn't "
            "know what LABEL_0, LABEL_1, LABEL_2 means: .*--labels.LABEL_0=happy",
        ),
        (["glad", "sad", "angry"], {}, "know what glad means.*--labels.glad=happy"),
        (["sad", "calm"], {}, "only sad, calm: .*another task"),
        (["sad", "happy"], {"sad": "happy"}, "only sad, happy"),
        (["happy", "sad", "angry"], {"hapy": "sad"}, "'hapy', and.*mean happy"),
        (["happy", "sad", "angry"], {"sad": "blue"}, "mean 'blue': choose one of hap"),
    ],
)
def test_what_is_no_map_is_refused(
    labels: list[str], given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(LabelError, match=sentence):
        map_outputs("theirs", labels, THREE, given)


def test_values_are_brought_to_the_scale_of_all_corpora() -> None:
    task, scale = Values(("valence", "arousal")), Scale(0, 1, 0.5)
    labels = ["arousal", "dominance", "Valence"]
    one = map_outputs("theirs", labels, task, {}, scale)
    said = one(torch.tensor([[0.75, 0.1, 0.0], [0.5, 0.2, 1.0]]))
    torch.testing.assert_close(said, torch.tensor([[-1.0, 0.5], [1.0, 0.0]]))
    with pytest.raises(LabelError, match=r"On which scale theirs says valence and aro"):
        map_outputs("theirs", labels, task, {})
    with pytest.raises(LabelError, match="no output for valence"):
        map_outputs("theirs", ["arousal", "dominance"], task, {}, scale)
    with pytest.raises(LabelError, match="several outputs for arousal"):
        map_outputs("theirs", labels, task, {"dominance": "arousal"}, scale)
