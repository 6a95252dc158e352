from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binom, norm
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from torch import Tensor

from crossemo.metrics.intervals import (
    Interval,
    bootstrap_interval,
    chance_interval,
)
from crossemo.metrics.recognition import ScoreName


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


def by_drawing(
    labels: Tensor, guesses: Tensor, groups: list[str], name: str, draws: int
) -> tuple[float, float]:
    """The same interval from whole lists of clips and scikit-learn's scores."""
    score: dict[str, Any] = {
        "UA": balanced_accuracy_score,
        "WA": accuracy_score,
        "macro_F1": lambda y, p: f1_score(y, p, average="macro"),
    }
    rng = np.random.default_rng(0)
    rows = {g: [i for i, of in enumerate(groups) if of == g] for g in set(groups)}
    names = sorted(rows)
    values = []
    for _ in range(draws):
        drawn = np.concatenate([rows[g] for g in rng.choice(names, len(names))])
        values.append(score[name](labels.numpy()[drawn], guesses.numpy()[drawn]))
    low, high = np.percentile(values, [5, 95])
    return low, high


@pytest.mark.parametrize("score", ["UA", "WA", "macro_F1"])
def test_intervals_agree_with_drawing_clip_by_clip(score: ScoreName) -> None:
    generator = torch.Generator().manual_seed(0)
    accuracy = torch.rand(8, 3, generator=generator)
    labels, guesses, groups = recognised(accuracy, 6, generator)
    kept = torch.rand(len(labels), generator=generator) < 0.6  # unequal counts
    labels, guesses = labels[kept], guesses[kept]
    groups = [group for group, keep in zip(groups, kept, strict=True) if keep]
    interval = bootstrap_interval(
        labels, guesses, groups, 3, score, level=0.9, draws=4000
    )
    low, high = by_drawing(labels, guesses, groups, score, draws=1500)
    assert (interval.unit, interval.n_units) == ("group", 8)
    assert interval.low == pytest.approx(low, abs=0.015)
    assert interval.high == pytest.approx(high, abs=0.015)


def test_speakers_of_unlike_difficulty_widen_the_interval() -> None:
    accuracy = torch.tensor([0.0, 1.0]).repeat(10).view(20, 1).expand(20, 2)
    generator = torch.Generator().manual_seed(0)
    labels, guesses, groups = recognised(accuracy, 10, generator)
    by_group = bootstrap_interval(labels, guesses, groups, 2, draws=20_000)
    # the mean of twenty tosses of a coin
    low, high = binom.ppf([0.025, 0.975], 20, 0.5) / 20
    assert (by_group.low, by_group.high) == pytest.approx((low, high))
    by_clip = bootstrap_interval(labels, guesses, ["one"] * len(labels), 2)
    assert by_clip.high - by_clip.low < 0.5 * (high - low)


def test_few_groups_fall_back_on_clips_within_classes() -> None:
    labels = torch.tensor([0] * 100 + [1] * 25)
    guesses = torch.tensor([0] * 80 + [1] * 20 + [1] * 25)
    groups = ["a"] * 60 + ["b"] * 65
    interval = bootstrap_interval(labels, guesses, groups, 2, draws=20_000)
    assert (interval.unit, interval.n_units) == ("clip", 125)
    # class 0: 100 draws at 0.8; class 1 is always right
    low, high = (binom.ppf([0.025, 0.975], 100, 0.8) / 100 + 1) / 2
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.006)


@pytest.mark.parametrize(
    ("actors", "least", "most"), [(24, 0.88, 0.97), (4, 0.7, 0.88)]
)
def test_intervals_hold_the_truth_as_often_as_documented(
    actors: int, least: float, most: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    truth = float(norm.cdf(0.5 / 2**0.5))  # mean of norm.cdf(0.5 + z) over z
    runs, held = 300, 0
    for seed in range(runs):
        skill = torch.randn(actors, 1, generator=generator).expand(actors, 4)
        accuracy = torch.special.ndtr(0.5 + skill)
        clips = recognised(accuracy, 8, generator)
        interval = bootstrap_interval(*clips, classes=4, draws=300, seed=seed)
        held += interval.low <= truth <= interval.high
    assert least < held / runs < most


def test_seeds_decide_the_draws() -> None:
    generator = torch.Generator().manual_seed(0)
    clips = recognised(torch.rand(6, 3, generator=generator), 5, generator)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first, again, other = (
        bootstrap_interval(*clips, classes=3, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), state)


def test_the_order_of_clips_does_not_matter() -> None:
    generator = torch.Generator().manual_seed(0)
    skill = torch.rand(6, 3, generator=generator)
    labels, guesses, groups = recognised(skill, 5, generator)
    turned = (labels.flip(0), guesses.flip(0), groups[::-1])
    expected = bootstrap_interval(labels, guesses, groups, 3)
    assert bootstrap_interval(*turned, classes=3) == expected


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
        bootstrap_interval([0, 1, 0], [0, 1], groups, 2)
    with pytest.raises(ValueError, match="run from 0 to 1, and these from 0 to 2"):
        bootstrap_interval([0, 1, 0], [0, 1, 2], groups, 2)
    with pytest.raises(ValueError, match="these from -1 to 1"):
        bootstrap_interval([0, 1, -1], [0, 1, 0], groups, 2)
    with pytest.raises(ValueError, match="There is no clip to score"):
        bootstrap_interval([], [], [], 2)
    with pytest.raises(ValueError, match="There is no clip to score"):
        chance_interval([], 2)
    with pytest.raises(ValueError, match="run from 0 to 1, and these from 2 to 2"):
        chance_interval([2], 2)


def test_bad_settings_are_refused() -> None:
    score: Any = "F1"
    with pytest.raises(ValueError, match="'F1': choose UA, WA, macro_F1"):
        bootstrap_interval([0], [0], ["a"], 2, score)
    with pytest.raises(ValueError, match="between 0 and 1, not 95"):
        chance_interval([0], 2, level=95)
    with pytest.raises(ValueError, match="0 draws make no interval"):
        bootstrap_interval([0], [0], ["a"], 2, draws=0)


def test_an_interval_is_plain_data() -> None:
    interval = bootstrap_interval([0, 1, 1], [0, 1, 0], ["a", "b", "c"], 2)
    assert isinstance(interval, Interval)
    assert [type(end) for end in (interval.low, interval.high)] == [float, float]
