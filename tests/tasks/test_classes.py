from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossemo.corpora.base import Clip
from crossemo.emotions import UnknownEmotionError
from crossemo.errors import CrossEmoError
from crossemo.tasks import task_of
from crossemo.tasks.classes import Classes


def clip(label: str | None) -> Clip:
    return Clip("x/1", Path("1.wav"), ("x/a",), label)


@given(st.lists(st.integers(1, 500), min_size=2, max_size=8))
def test_balanced_weights_average_to_one_over_the_clips(counts: list[int]) -> None:
    weights = Classes().weights(counts)
    clips = torch.tensor(counts)
    assert float((weights * clips).sum() / clips.sum()) == pytest.approx(1, rel=1e-5)
    assert torch.allclose(weights * clips, (weights * clips)[0].expand(len(counts)))


def test_published_labels_become_words_and_words_classes() -> None:
    words = {"exc": "happy", "hap": "happy", "ang": "angry", "Q3": "Q3"}
    task = Classes({"high": ["happy", "angry"], "low": ["sad", "Q3"]})
    assert task.outputs == ("high", "low")
    targets = [task.target(clip(label), words) for label in ("exc", "ang", "Q3")]
    assert targets == [0, 0, 1]
    assert task.target(clip("xxx"), words) is None  # published, and of no class
    assert task.target(clip(None), words) is None
    assert task.target(clip("calm"), {}) is None
    with pytest.raises(UnknownEmotionError, match="Unknown emotion 'exc'"):
        task.target(clip("exc"), {})
    assert task.counts([0, 0, 1]) == {"high": 2, "low": 1}
    assert task.describe() == {"labels": "given", "classes": ["high", "low"]}


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        ({"one": ["happy"]}, "can't be told apart"),
        ({"one": ["happy"], "two": []}, "can't be told apart"),
        ({"one": ["happy"], "two": ["happy"]}, "happy would be in the classes one and"),
        ({"one": ["hapy"], "two": ["sad"]}, "'hapy' in the class 'one'"),
    ],
)
def test_classes_that_are_none_are_refused(classes: Any, sentence: str) -> None:
    with pytest.raises(UnknownEmotionError, match=sentence):
        Classes(classes)


def test_the_loss_weighs_clips_by_their_class() -> None:
    task = Classes({"a": ["sad"], "b": ["happy"]})
    logits = torch.tensor([[0.0, 0.0], [0.0, torch.log(torch.tensor(3.0))]])
    loss = task.loss(logits, torch.tensor([0, 1]), torch.tensor([2.0, 0.5]))
    # ln 2 and ln 4/3
    assert float(loss) == pytest.approx((2 * 0.693147 + 0.5 * 0.287682) / 2, rel=1e-5)


def test_a_model_without_data_knows_its_task_by_its_outputs() -> None:
    task = task_of("classes", ("calm", "sad", "happy"))
    assert task.outputs == ("calm", "sad", "happy")
    assert task.chance == pytest.approx(1 / 3)
    with pytest.raises(CrossEmoError, match="two or more classes"):
        task_of("classes", ("calm",))
    with pytest.raises(CrossEmoError, match="no kind of task 'ranks'"):
        task_of("ranks", ("calm", "sad"))


def test_a_difference_is_that_of_both_evaluations() -> None:
    task = Classes({"a": ["sad"], "b": ["happy"]})
    targets = torch.tensor([0, 0, 1, 1] * 3)
    units = [name for name in "xyz" for _ in range(4)]
    first = torch.eye(2)[torch.tensor([1, 0, 1, 1] * 3)]
    second = torch.eye(2)[torch.tensor([0, 0, 1, 0] * 2 + [0, 0, 1, 1])]
    scores = [task.evaluation(one, targets, units) for one in (first, second)]
    change = task.difference(first, second, targets, units)
    name = task.headline
    assert scores[0][name] == pytest.approx(0.75)
    assert change[name] == pytest.approx(scores[1][name] - scores[0][name])
