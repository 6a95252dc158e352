from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap, t
from torchmetrics.functional.regression import concordance_corrcoef

from crossemo.metrics.agreement import (
    agreement,
    concordance_difference,
    concordance_interval,
    group_moments,
)
from crossemo.metrics.intervals import Interval
from crossemo.metrics.regression import concordance
from tests.benchmarks.simulate_values import BETTER, Design, drawn

DESIGN = Design(6, 9, follow=0.6, bias=0.2, noise=0.3)


def clips(
    design: Design = DESIGN, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """Predictions and targets `(clips, 2)` and the groups, some with fewer clips."""
    generator = torch.Generator().manual_seed(seed)
    predictions, _, targets = drawn(design, 2, generator)
    groups = [f"singer {n}" for n in range(design.groups) for _ in range(design.clips)]
    rows = torch.rand(len(groups), generator=generator) < 0.8
    names = [name for name, keep in zip(groups, rows, strict=True) if keep]
    return predictions.flatten(1).T[rows], targets.flatten(1).T[rows], names


def ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def jackknifed(scores: list[float], whole: float) -> tuple[float, float]:
    error = (np.var(scores) * (len(scores) - 1)) ** 0.5
    low, high = t.interval(0.95, len(scores) - 1, whole, error)
    return low, high


def without_each(groups: list[str]) -> list[torch.Tensor]:
    of = np.array(groups)
    return [torch.from_numpy(of != one) for one in sorted(set(groups))]


def test_sums_of_moments_give_the_concordance_of_their_clips() -> None:
    predictions, targets, groups = clips()
    numbers = torch.tensor([int(name.split()[1]) for name in groups])
    sums = group_moments(predictions.T, targets.T, numbers, DESIGN.groups)
    expected = concordance(predictions.T, targets.T)
    assert torch.allclose(agreement(sums.sum(-2)), expected, rtol=1e-9)
    constant = group_moments(0 * targets.T + 0.3, targets.T * 0 + 0.3, numbers, 6)
    assert agreement(constant.sum(-2)).abs().max() < 1e-2


def test_it_is_the_jackknife_of_the_mean_over_outputs() -> None:
    predictions, targets, groups = clips()
    interval = concordance_interval(predictions, targets, groups)
    scores = [
        float(concordance_corrcoef(predictions[rows], targets[rows]).mean())
        for rows in without_each(groups)
    ]
    whole = float(concordance_corrcoef(predictions, targets).mean())
    assert ends(interval) == pytest.approx(jackknifed(scores, whole), rel=1e-6)
    assert (interval.unit, interval.n_units) == ("group", 6)


def test_a_difference_is_the_jackknife_of_the_difference() -> None:
    first, targets, groups = clips()
    second = 0.5 * first + 0.4 * targets
    interval = concordance_difference(first, second, targets, groups)
    scores = [
        float(
            (
                concordance_corrcoef(second[rows], targets[rows])
                - concordance_corrcoef(first[rows], targets[rows])
            ).mean()
        )
        for rows in without_each(groups)
    ]
    whole = concordance_corrcoef(second, targets) - concordance_corrcoef(first, targets)
    expected = jackknifed(scores, float(whole.mean()))
    assert ends(interval) == pytest.approx(expected, rel=1e-6)
    same = concordance_difference(first, first, targets, groups)
    assert ends(same) == (0, 0)


def test_ends_are_scores() -> None:
    _, targets, groups = clips()
    assert ends(concordance_interval(targets, targets, groups)) == (1, 1)
    noisy = concordance_interval(-targets[:9], targets[:9], list("aaabbbccc"))
    assert -1 <= noisy.low <= noisy.high <= 1


def test_few_groups_fall_back_on_clips() -> None:
    predictions, targets, _ = clips(Design(2, 60, follow=0.6, bias=0.0, noise=0.3))
    groups = ["a", "b"] * (len(targets) // 2) + ["a"] * (len(targets) % 2)
    interval = concordance_interval(predictions[:, :1], targets[:, :1], groups)
    assert (interval.unit, interval.method) == ("clip", "bootstrap")
    assert interval.n_units == len(targets)

    def ccc(x: np.ndarray, y: np.ndarray) -> float:
        return float(concordance(torch.from_numpy(x), torch.from_numpy(y)))

    pairs = predictions[:, 0].numpy(), targets[:, 0].numpy()
    other = bootstrap(
        pairs, ccc, paired=True, vectorized=False, n_resamples=3000, method="percentile"
    ).confidence_interval
    assert ends(interval) == pytest.approx((other.low, other.high), abs=0.03)
    same = concordance_difference(predictions, predictions, targets, groups)
    assert ends(same) == (0, 0)


@pytest.mark.parametrize("groups", [3, 10])
def test_intervals_hold_the_truth_as_often_as_documented(groups: int) -> None:
    design = Design(groups, 10, follow=0.5, bias=0.1, noise=0.4)
    generator = torch.Generator().manual_seed(0)
    names = [str(n) for n in range(groups) for _ in range(10)]
    better = replace(design, follow=design.follow + BETTER).truth - design.truth
    hits = [0, 0]
    for _ in range(400):
        first, second, targets = (
            one.flatten(1).T for one in drawn(design, 1, generator)
        )
        interval = concordance_interval(first, targets, names)
        difference = concordance_difference(first, second, targets, names)
        hits[0] += interval.low <= design.truth <= interval.high
        hits[1] += difference.low <= better <= difference.high
    assert all(0.91 < number / 400 < 0.985 for number in hits), hits


def test_clips_that_do_not_fit_are_refused() -> None:
    predictions, targets, groups = clips()
    with pytest.raises(ValueError, match="don't fit: give one of each"):
        concordance_interval(predictions[1:], targets, groups)
    with pytest.raises(ValueError, match="don't fit: give one of each"):
        concordance_interval(predictions, targets, groups[1:])
    with pytest.raises(ValueError, match="no clip to score"):
        concordance_interval(predictions[:0], targets[:0], [])
