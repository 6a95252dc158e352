from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binom, norm, t, ttest_1samp
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from torch import Tensor

from crossemo.metrics.intervals import Interval, chance_interval, score_interval
from crossemo.metrics.names import ScoreName
from crossemo.metrics.recognition import SCORES


def recognised(
    accuracy: Tensor, clips: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, list[str]]:
    """Clips of `(actors, classes)`, each recognised with a probability of its own."""
    actors, classes = accuracy.shape
    right = torch.rand(clips, actors, classes, generator=generator) < accuracy
    labels = torch.arange(classes).expand(clips, actors, classes)
    guesses = torch.where(right, labels, (labels + 1) % classes)
    groups = torch.arange(actors).view(1, -1, 1).expand(clips, actors, classes)
    names = [f"actor {group}" for group in groups.flatten().tolist()]
    return labels.flatten(), guesses.flatten(), names


def by_leaving_out(
    labels: Tensor, guesses: Tensor, groups: list[str], name: str, level: float
) -> tuple[float, float]:
    """The same interval from lists of clips, scikit-learn's scores and SciPy's t."""
    measure: dict[str, Any] = {
        "UA": balanced_accuracy_score,
        "WA": accuracy_score,
        "macro_F1": lambda y, p: f1_score(y, p, average="macro"),
    }
    names, of = sorted(set(groups)), np.array(groups)
    y, p = labels.numpy(), guesses.numpy()
    without = [measure[name](y[of != g], p[of != g]) for g in names]
    error = (np.var(without) * (len(names) - 1)) ** 0.5
    low, high = t.interval(level, len(names) - 1, measure[name](y, p), error)
    return low, high


def ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


@pytest.mark.parametrize("score", ["UA", "WA", "macro_F1"])
@pytest.mark.parametrize("actors", [3, 8])
def test_intervals_agree_with_leaving_groups_out(score: ScoreName, actors: int) -> None:
    generator = torch.Generator().manual_seed(0)
    accuracy = 0.4 + 0.2 * torch.rand(actors, 3, generator=generator)
    labels, guesses, groups = recognised(accuracy, 20, generator)
    subset = torch.rand(len(labels), generator=generator) < 0.6  # unequal counts
    labels, guesses = labels[subset], guesses[subset]
    groups = [group for group, keep in zip(groups, subset, strict=True) if keep]
    interval = score_interval(labels, guesses, groups, 3, score, level=0.9)
    expected = by_leaving_out(labels, guesses, groups, score, level=0.9)
    assert 0 < expected[0] < expected[1] < 1
    assert ends(interval) == pytest.approx(expected, rel=1e-6)
    assert (interval.unit, interval.n_units) == ("group", actors)
    assert interval.method == "jackknife"


def test_alike_groups_give_the_interval_of_their_mean() -> None:
    # as many clips of every class in every group: UA is the mean over the groups
    accuracy = torch.tensor([0.0, 1.0]).repeat(10).view(20, 1).expand(20, 2)
    generator = torch.Generator().manual_seed(0)
    labels, guesses, groups = recognised(accuracy, 10, generator)
    interval = score_interval(labels, guesses, groups, 2)
    tosses = ttest_1samp([0.0, 1.0] * 10, 0).confidence_interval(0.95)
    assert ends(interval) == pytest.approx((tosses.low, tosses.high), rel=1e-6)
    by_clip = score_interval(labels, guesses, ["one"] * len(labels), 2)
    assert by_clip.high - by_clip.low < 0.5 * (interval.high - interval.low)


def test_ua_without_a_group_averages_over_the_classes_left() -> None:
    labels, guesses = [0, 1, 0, 1, 2], [0, 1, 0, 0, 2]
    groups = ["a", "a", "b", "b", "c"]  # class 2 is of c alone
    interval = score_interval(labels, guesses, groups, 3, level=0.5)
    error = (2 * np.var([(1 + 0 + 1) / 3, 1, (1 + 1 / 2) / 2])) ** 0.5
    expected = t.interval(0.5, 2, (1 + 1 / 2 + 1) / 3, error)
    assert ends(interval) == pytest.approx(expected, rel=1e-6)


def test_intervals_end_at_0_and_1() -> None:
    labels, guesses = [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0]
    interval = score_interval(labels, guesses, ["a", "b", "c"] * 2, 2, level=0.999)
    assert ends(interval) == (0, 1)
    perfect = score_interval(labels, labels, ["a", "b", "c"] * 2, 2)
    assert ends(perfect) == (1, 1)


def test_few_groups_fall_back_on_clips_within_classes() -> None:
    labels = torch.tensor([0] * 100 + [1] * 25)
    guesses = torch.tensor([0] * 80 + [1] * 5 + [2] * 15 + [1] * 25)
    groups = ["a"] * 60 + ["b"] * 65
    interval = score_interval(labels, guesses, groups, 3)
    assert (interval.unit, interval.n_units) == ("clip", 125)
    assert interval.method == "bootstrap"
    # class 0: 100 draws at 0.8; class 1 is always right; class 2 has no clip
    low, high = (binom.ppf([0.025, 0.975], 100, 0.8) / 100 + 1) / 2
    assert ends(interval) == pytest.approx((low, high), abs=0.0051)  # one hit of 100


@pytest.mark.parametrize("score", ["UA", "WA", "macro_F1"])
def test_drawn_clips_agree_with_drawing_lists(score: ScoreName) -> None:
    generator = torch.Generator().manual_seed(0)
    accuracy = torch.tensor([[0.3, 0.6, 0.9]])
    labels, guesses, groups = recognised(accuracy, 30, generator)
    interval = score_interval(labels, guesses, groups, 3, score, level=0.8)
    rng = np.random.default_rng(0)
    matrices = []
    for _ in range(3000):
        rows = [rng.choice(guesses[labels == c].numpy(), 30) for c in range(3)]
        matrices.append([np.bincount(row, minlength=3) for row in rows])
    values = SCORES[score](torch.tensor(np.array(matrices)).double())
    expected = tuple(np.percentile(values.numpy(), [10, 90]))
    assert ends(interval) == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize(
    ("actors", "spread", "least"),
    [(3, 0.3, 0.92), (4, 0.3, 0.92), (12, 0.3, 0.92), (3, 1.0, 0.87)],
)
def test_intervals_hold_the_truth_as_often_as_documented(
    actors: int, spread: float, least: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    truth = norm.cdf(0.5 / (1 + spread**2) ** 0.5)  # mean of norm.cdf(0.5 + spread·z)
    runs, hits = 600, 0
    for _ in range(runs):
        skill = spread * torch.randn(actors, 1, generator=generator).expand(actors, 4)
        clips = recognised(torch.special.ndtr(0.5 + skill), 8, generator)
        interval = score_interval(*clips, classes=4)
        hits += interval.low <= truth <= interval.high
    assert least < hits / runs < 0.97


def test_seeds_decide_the_draws() -> None:
    generator = torch.Generator().manual_seed(0)
    clips = recognised(torch.rand(2, 3, generator=generator), 50, generator)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first, again, *others = (
        score_interval(*clips, classes=3, score="macro_F1", seed=seed)
        for seed in (1, 1, 2, 3, 4)
    )
    assert first == again
    assert any(first != other for other in others)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("actors", [2, 6])
def test_the_order_of_clips_does_not_matter(actors: int) -> None:
    generator = torch.Generator().manual_seed(0)
    skill = torch.rand(actors, 3, generator=generator)
    labels, guesses, groups = recognised(skill, 5, generator)
    turned = (labels.flip(0), guesses.flip(0), groups[::-1])
    expected = score_interval(labels, guesses, groups, 3)
    assert score_interval(*turned, classes=3) == expected


@pytest.mark.parametrize(("clips", "classes"), [(46, 6), (8, 4), (200, 2)])
def test_chance_on_one_class_is_binomial(clips: int, classes: int) -> None:
    labels = torch.full((clips,), classes - 1)
    expected = binom.ppf([0.025, 0.975], clips, 1 / classes) / clips
    interval = chance_interval(labels, classes, draws=50_000)
    assert interval == pytest.approx(tuple(expected), abs=1.01 / clips)


def test_chance_of_many_clips_is_normal() -> None:
    counts = torch.tensor([96, 192, 192, 192, 184, 192])
    labels = torch.arange(6).repeat_interleave(counts)
    variance = (1 / 6 * 5 / 6 / counts.numpy()).sum() / 36
    expected = norm.interval(0.95, 1 / 6, variance**0.5)
    assert chance_interval(labels, 6) == pytest.approx(expected, abs=0.002)


def test_guessers_exceed_chance_rarely() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(4).repeat_interleave(torch.tensor([8, 16, 16, 12]))
    _, high = chance_interval(labels, 4)
    above = 0
    for _ in range(2000):
        guesses = torch.randint(4, labels.shape, generator=generator)
        above += balanced_accuracy_score(labels.numpy(), guesses.numpy()) > high
    assert 0.01 < above / 2000 < 0.035


def test_bad_clips_are_refused() -> None:
    groups = ["a", "b", "c"]
    with pytest.raises(ValueError, match="3 labels, 2 predictions and 3 groups"):
        score_interval([0, 1, 0], [0, 1], groups, 2)
    with pytest.raises(ValueError, match="run from 0 to 1, and these from 0 to 2"):
        score_interval([0, 1, 0], [0, 1, 2], groups, 2)
    with pytest.raises(ValueError, match="these from -1 to 1"):
        score_interval([0, 1, -1], [0, 1, 0], groups, 2)
    with pytest.raises(ValueError, match="There is no clip to score"):
        score_interval([], [], [], 2)
    with pytest.raises(ValueError, match="There is no clip to score"):
        chance_interval([], 2)
    with pytest.raises(ValueError, match="run from 0 to 1, and these from 2 to 2"):
        chance_interval([2], 2)


def test_bad_settings_are_refused() -> None:
    score: Any = "F1"
    with pytest.raises(ValueError, match="'F1': choose UA, WA, macro_F1"):
        score_interval([0], [0], ["a"], 2, score)
    with pytest.raises(ValueError, match="between 0 and 1, not 95"):
        chance_interval([0], 2, level=95)
    with pytest.raises(ValueError, match="0 draws make no interval"):
        chance_interval([0], 2, draws=0)
    with pytest.raises(ValueError, match="between 0 and 1, not 1"):
        score_interval([0], [0], ["a"], 2, level=1)


@pytest.mark.parametrize("groups", [["a", "b", "c"], ["a", "b", "b"]])
def test_an_interval_is_plain_data(groups: list[str]) -> None:
    interval = score_interval([0, 1, 1], [0, 1, 0], groups, 2)
    assert [type(end) for end in ends(interval)] == [float, float]
