import logging
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch

from crossemo.corpora.base import Clip, Scale
from crossemo.corpora.folders import Folders
from crossemo.errors import CrossEmoError
from crossemo.tasks import task_of
from crossemo.tasks.values import Values
from tests.tasks.gloo import learn, learn_in_a_group, linear


def clip(valence: float | None, arousal: float | None) -> Clip:
    return Clip("x/1", Path("1.wav"), ("x/a",), "sad", valence, arousal)


def corpus(scale: Scale | None) -> Folders:
    one = Folders("x")
    one.scale = scale
    return one


def test_targets_of_all_corpora_are_on_one_scale() -> None:
    task = Values()
    deam, pmemo = corpus(Scale(1, 9, 5)), corpus(Scale(0, 1, 0.5))
    assert task.target(clip(9, 3), deam) == (1, -0.5)
    assert task.target(clip(1, 0.25), pmemo) == (1, -0.5)
    assert Values(["arousal"]).target(clip(None, 3), deam) == (-0.5,)
    lopsided = corpus(Scale(1, 9, 4))
    assert task.target(clip(9, 4), lopsided) == (1.25, 0)
    assert task.counts([(1, -0.5)]) == {}


def test_what_has_no_place_on_the_scale_is_left_out() -> None:
    task = Values()
    deam = corpus(Scale(1, 9, 5))
    assert task.target(clip(None, 3), deam) is None
    assert task.target(clip(3, 9.5), deam) is None
    assert task.target(clip(0.5, float("nan")), corpus(Scale(0, 1, 0.5))) is None
    assert task.target(clip(3, 3), corpus(None)) is None
    assert Values(["dominance"]).target(clip(3, 3), deam) is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"outputs": ()}, "Values of nothing can't be learnt: choose one or more of"),
        ({"outputs": ("valence", "valence")}, "each once"),
        ({"outputs": ("valence", "joy")}, "Values of valence, joy can't be learnt"),
        ({"loss": "mae"}, "no loss 'mae': choose ccc or mse"),
        ({"weights": {"valence": 1}}, "don't suit valence, arousal"),
        ({"weights": {"valence": 0, "arousal": 0}}, "not 0 to all"),
        ({"weights": {"valence": 2, "arousal": -1}}, "one of 0 or more"),
    ],
)
def test_what_can_not_be_learnt_is_refused(
    arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CrossEmoError, match=sentence):
        Values(**arguments)


def test_losses_have_their_closed_forms() -> None:
    line = torch.arange(8.0)
    targets = torch.stack([line, line], 1)
    outputs = torch.stack([line + 1, 7 - line], 1)
    # s² = 6; with a shift of 1: 2 · 6 / (6 + 6 + 1); mirrored: -1
    weights = {"valence": 3.0, "arousal": 1.0}
    ccc = Values(weights=weights).loss(outputs, targets, torch.ones(2))
    assert float(ccc) == pytest.approx(0.75 * (1 - 12 / 13) + 0.25 * 2)
    mse = Values(loss="mse").loss(outputs, targets, torch.ones(2))
    # 1, and the mean of (7 - 2 x)²
    assert float(mse) == pytest.approx((1 + 21) / 2)
    single = Values(loss="mse").loss(outputs[:1], targets[:1], torch.ones(2))
    assert float(single) == pytest.approx((1 + 49) / 2)


def test_a_ccc_of_few_clips_is_refused() -> None:
    task, few = Values(), torch.rand(7, 2)
    with pytest.raises(CrossEmoError, match="batch of 7 is mostly noise: give 8"):
        task.loss(few, few, torch.ones(2))
    assert (task.least_batch, Values(loss="mse").least_batch) == (8, 1)


def test_a_test_has_scores_and_intervals_in_plain_numbers() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.rand(40, 2, generator=generator) * 2 - 1
    predictions = 0.5 * targets + 0.2 * torch.rand(40, 2, generator=generator)
    units = [f"song {n % 5}" for n in range(40)]
    task = Values()
    scores = task.evaluation(predictions, targets, units)
    assert scores["CCC"] == pytest.approx(
        (scores["CCC/valence"] + scores["CCC/arousal"]) / 2
    )
    for name in ("", "/valence", "/arousal"):
        low, high = scores[f"CCC_interval{name}"]
        assert -1 < low < scores[f"CCC{name}"] < high < 1
    assert (scores["CCC_interval_unit"], scores["groups"]) == ("group", 5)
    assert scores["n"] == 40
    validation = task.scores(predictions, targets)
    assert validation == {name: scores[name] for name in validation}
    assert validation["loss"] == pytest.approx(1 - scores["CCC"])
    error = (predictions - targets).square().mean()
    squares = Values(loss="mse").scores(predictions, targets)
    assert squares["loss"] == pytest.approx(float(error), rel=1e-5)
    better = task.difference(predictions, targets, targets, units)
    assert better["CCC"] == pytest.approx(1 - scores["CCC"])
    low, high = better["CCC_interval"]
    assert 0 < low < better["CCC"] < high


def test_a_constant_is_said(caplog: pytest.LogCaptureFixture) -> None:
    targets = torch.rand(10, 2)
    predictions = torch.stack([torch.zeros(10), targets[:, 1]], 1)
    with caplog.at_level(logging.WARNING):
        scores = Values().evaluation(predictions, targets, ["a"] * 10)
    assert caplog.messages == [
        "Predictions or targets of valence are all equal in 10 clips: the CCC is 0, "
        "and there is no correlation."
    ]
    assert scores["CCC/valence"] == 0
    assert scores["CCC"] == pytest.approx(0.5)
    constant = Values().constant([(0.5, 0.1), (0.5, 0.2)])
    assert constant == ["valence"]


def test_a_model_without_data_knows_its_values_by_its_outputs() -> None:
    task = task_of("values", ("arousal", "dominance"))
    assert task.outputs == ("arousal", "dominance")
    assert (task.headline, task.chance) == ("CCC", 0)
    with pytest.raises(CrossEmoError, match="Values of happy, sad can't be learnt"):
        task_of("values", ("happy", "sad"))


def test_distances_are_between_quadrants_where_both_values_are_learnt() -> None:
    task = Values(("arousal", "dominance", "valence"))
    assert task.emotions == ("Q1", "Q2", "Q3", "Q4")
    places = [(0.1, 0.2), (0.1, -0.2), (-0.1, -0.2), (-0.1, 0.2), (0, 0)]
    targets = torch.tensor([(arousal, 9, valence) for arousal, valence in places])
    assert task.emotions_of(targets).tolist() == [0, 1, 2, 3, 0]
    assert Values(["valence", "dominance"]).emotions == ()


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    context = get_context("spawn")
    results: Any = context.Queue()
    arguments = [(rank, 2, tmp_path, results) for rank in (0, 1)]
    processes = [context.Process(target=learn_in_a_group, args=a) for a in arguments]
    for process in processes:
        process.start()
    both = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    for loss in ("ccc", "mse"):
        alone = learn(linear(), 0, 1, loss)
        for shared in both:
            assert shared[loss][1:] == pytest.approx(alone[1:], rel=1e-4)
        values = [shared[loss][0] for shared in both]
        if loss == "ccc":  # each process has it of the whole batch
            assert values == pytest.approx([alone[0]] * 2, rel=1e-5)


def test_sums_over_groups_give_all_scores() -> None:
    task, generator = Values(), torch.Generator().manual_seed(0)
    targets = torch.randn(20, 2, generator=generator)
    said = targets + torch.randn(3, 20, 2, generator=generator)  # by three models
    groups = torch.arange(20) % 4
    sums = task.tally(task.decide(said), targets, groups, 5)
    assert sums.shape == (3, 5, 2, 6)
    assert not sums[:, 4].any()
    for model, decisions in enumerate(said):
        for group in range(4):
            inside = groups == group
            expected = task.scores(decisions[inside], targets[inside])
            for name, measure in task.measures().items():
                score = float(measure.score(sums[model, group]))
                assert score == pytest.approx(expected[name], abs=1e-6)
    assert next(iter(task.measures())) == task.headline


def test_the_best_guess_is_the_mean() -> None:
    targets = torch.tensor([[0.5, -1.0], [0.0, 0.5]])
    assert Values().guess(targets).tolist() == [0.25, -0.25]
