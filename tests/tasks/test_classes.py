from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossemo.corpora.base import Clip, Corpus, Scale
from crossemo.corpora.pmemo import PMEmo
from crossemo.emotions import UnknownEmotionError
from crossemo.errors import CrossEmoError
from crossemo.tasks import task_of
from crossemo.tasks.classes import Classes


def clip(
    label: str | None, valence: float | None = None, arousal: float | None = None
) -> Clip:
    return Clip("x/1", Path("1.wav"), ("x/a",), label, valence, arousal)


def corpus(words: dict[str, str], scale: Scale | None = None) -> Corpus:
    """Return a corpus of these labels and this scale."""
    one: Corpus = PMEmo("x")
    one.words, one.scale = words, scale
    return one


@given(st.lists(st.integers(1, 500), min_size=2, max_size=8))
def test_balanced_weights_average_to_one_over_the_clips(counts: list[int]) -> None:
    weights = Classes().weights(counts)
    clips = torch.tensor(counts)
    assert float((weights * clips).sum() / clips.sum()) == pytest.approx(1, rel=1e-5)
    assert torch.allclose(weights * clips, (weights * clips)[0].expand(len(counts)))


def test_published_labels_become_words_and_words_classes() -> None:
    words = corpus({"exc": "happy", "hap": "happy", "ang": "angry", "Q3": "Q3"})
    task = Classes({"high": ["happy", "angry"], "low": ["sad", "Q3"]})
    assert task.outputs == ("high", "low")
    targets = [task.target(clip(label), words) for label in ("exc", "ang", "Q3")]
    assert targets == [0, 0, 1]
    assert task.target(clip("xxx"), words) is None  # published, and of no class
    assert task.target(clip(None), words) is None
    assert task.target(clip("calm"), corpus({})) is None
    with pytest.raises(UnknownEmotionError, match="Unknown emotion 'exc'"):
        task.target(clip("exc"), corpus({}))
    assert task.counts([0, 0, 1]) == {"high": 2, "low": 1}
    told = {"labels": "given", "classes": ["high", "low"]}
    assert task.describe() == told | {"midline": "high", "margin": 0}
    apart = Classes({"high": ["happy"], "low": ["sad"]}, margin=0.5)
    assert apart.describe() == told  # no quadrant matters


def test_values_are_quadrants_where_no_label_is_of_the_task() -> None:
    four, quadrants = Classes("four"), Classes("quadrants")
    deam = corpus({}, Scale(1, 9, 5))
    values = [(6, 6), (2, 5), (4.9, 1), (9, 4.5)]
    clips = [clip(None, valence, arousal) for valence, arousal in values]
    assert [quadrants.target(one, deam) for one in clips] == [0, 1, 2, 3]
    names = [four.outputs[int(str(four.target(one, deam)))] for one in clips]
    assert names == ["happy", "angry", "sad", "neutral/calm"]
    iemocap = corpus({"ang": "angry"}, Scale(1, 5, 3))
    assert four.target(clip("ang", 5, 5), iemocap) == 0  # the label, not the values
    assert four.target(clip("fru", 5, 5), iemocap) is None
    assert quadrants.target(clip("ang", 5, 5), iemocap) == 0
    assert quadrants.target(clip(None, 5, None), iemocap) is None
    assert quadrants.target(clip("Q4", 5, 5), corpus({}, Scale(1, 5, 3))) == 3


def test_the_midline_and_its_margin_are_a_stated_rule() -> None:
    pmemo = corpus({}, Scale(0, 1, 0.5))
    tie, near = clip(None, 0.5, 0.9), clip(None, 0.9, 0.55)
    assert Classes("quadrants").target(tie, pmemo) == 0
    assert Classes("quadrants", midline="low").target(tie, pmemo) == 1
    assert Classes("quadrants", midline="drop").target(tie, pmemo) is None
    assert Classes("quadrants", margin=0.2).target(near, pmemo) is None
    with pytest.raises(UnknownEmotionError, match="choose high, low or drop"):
        Classes("quadrants", midline="hi")
    with pytest.raises(UnknownEmotionError, match="0 to less than 1"):
        Classes("quadrants", margin=1)


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


def test_sums_over_groups_give_all_scores() -> None:
    task = Classes({"sad": ["sad"], "happy": ["happy"], "calm": ["calm"]})
    outputs = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0))
    targets, groups = torch.arange(30) % 3, torch.arange(30) // 10
    counts = task.tally(task.decide(outputs), targets, groups, 3)
    assert counts.shape == (2, 3, 3, 3)
    for model, said in enumerate(outputs):
        for group in range(3):
            inside = groups == group
            expected = task.scores(said[inside].softmax(-1), targets[inside])
            for name, measure in task.measures().items():
                score = float(measure.score(counts[model, group]))
                assert score == pytest.approx(expected[name], nan_ok=True)
    assert next(iter(task.measures())) == task.headline


def test_the_best_guess_is_the_commonest_class() -> None:
    task = Classes({"sad": ["sad"], "happy": ["happy"], "calm": ["calm"]})
    assert int(task.guess(torch.tensor([2, 1, 2, 0]))) == 2
    assert int(task.guess(torch.tensor([2, 1, 1, 2]))) == 1
