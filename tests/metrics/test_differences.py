import pytest
import torch
from scipy.stats import t
from sklearn.metrics import balanced_accuracy_score

from crossemo.metrics.differences import difference_interval
from crossemo.metrics.intervals import score_interval


def two_models(
    actors: int, clips: int, seed: int, better: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[str]]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(3).repeat(actors * clips)
    hard = torch.rand(len(labels), generator=generator)
    predictions = []
    for skill in (0.5, 0.5 + better):
        noise = 0.3 * torch.rand(len(labels), generator=generator)
        right = hard + noise < skill + 0.15
        predictions.append(torch.where(right, labels, (labels + 1) % 3))
    groups = [f"actor {i // (3 * clips)}" for i in range(len(labels))]
    return labels, predictions[0], predictions[1], groups


def test_it_is_the_jackknife_of_the_difference() -> None:
    labels, first, second, groups = two_models(5, 8, 0)
    interval = difference_interval(labels, first, second, groups, 3)
    without = []
    for one in sorted(set(groups)):
        keep = [group != one for group in groups]
        scores = [
            balanced_accuracy_score(labels[keep], predictions[keep])
            for predictions in (first, second)
        ]
        without.append(scores[1] - scores[0])
    spread = torch.tensor(without, dtype=torch.float64)
    error = (4 / 5 * (spread - spread.mean()).square().sum()).sqrt()
    middle = balanced_accuracy_score(labels, second) - balanced_accuracy_score(
        labels, first
    )
    reach = t.ppf(0.975, 4) * float(error)
    assert interval.low == pytest.approx(middle - reach, abs=1e-6)
    assert interval.high == pytest.approx(middle + reach, abs=1e-6)
    assert (interval.unit, interval.n_units, interval.method) == (
        "group",
        5,
        "jackknife",
    )


@pytest.mark.parametrize("actors", [1, 2, 6])
def test_a_model_differs_from_itself_by_nothing(actors: int) -> None:
    labels, first, _, groups = two_models(actors, 6, 1)
    interval = difference_interval(labels, first, first, groups, 3)
    assert (interval.low, interval.high) == (0, 0)


def test_clips_that_both_find_hard_do_not_widen_it() -> None:
    labels, first, second, groups = two_models(2, 40, 2, better=0.1)
    paired = difference_interval(labels, first, second, groups, 3)
    alone = [score_interval(labels, s, groups, 3) for s in (first, second)]
    width = sum((one.high - one.low) ** 2 for one in alone) ** 0.5
    assert paired.unit == "clip"
    assert paired.high - paired.low < 0.9 * width


@pytest.mark.parametrize(("actors", "least"), [(2, 0.9), (8, 0.9)])
def test_it_holds_the_truth_about_as_often_as_it_says(
    actors: int, least: float
) -> None:
    truth = 0.1  # of clips whose difficulty is uniform from 0 to 1, noise apart
    hits = 0
    for seed in range(200):
        labels, first, second, groups = two_models(actors, 20, seed, better=truth)
        interval = difference_interval(labels, first, second, groups, 3)
        hits += interval.low <= truth <= interval.high
    assert least <= hits / 200 <= 0.995


def test_clips_that_do_not_fit_are_refused() -> None:
    labels, first, second, groups = two_models(3, 4, 3)
    with pytest.raises(ValueError, match="predictions and"):
        difference_interval(labels, first[:-1], second, groups, 3)
