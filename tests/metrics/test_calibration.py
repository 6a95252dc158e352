from math import log

import pytest
import torch
from scipy.special import softmax
from scipy.stats import beta

from crossemo.metrics.calibration import (
    bins_of,
    calibrate,
    calibration_bins,
    calibration_error,
    error_of,
    fit_temperature,
)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_recovered(temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    honest = 2 * torch.randn(20_000, 5, generator=generator)
    targets = torch.multinomial(honest.softmax(-1), 1, generator=generator)[:, 0]
    fitted = fit_temperature(temperature * honest, targets)
    assert fitted == pytest.approx(temperature, rel=0.03)


def test_two_classes_by_hand() -> None:
    # Right three times of four, and a fifth clip is of both classes alike.
    logits = torch.tensor([[2.0, 0.0]] * 4)
    share = 0.8 * 3 / 4 + 0.2 / 2
    expected = 2 / log(share / (1 - share))
    assert fit_temperature(logits, torch.tensor([0, 0, 0, 1])) == pytest.approx(
        expected, rel=1e-5
    )


def test_a_few_clips_that_are_all_right_do_not_make_certain() -> None:
    logits = torch.tensor([[3.0, 0.0, 0.0]] * 9)
    temperature = fit_temperature(logits, torch.zeros(9, dtype=torch.int64))
    # right in nine parts of ten and a third of the tenth
    right = calibrate(logits.softmax(-1), temperature)[0, 0]
    assert float(right) == pytest.approx(0.9 + 0.1 / 3, rel=1e-4)


def test_order_and_offsets_of_logits_change_nothing() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(50, 4, generator=generator)
    targets = torch.randint(4, (50,), generator=generator)
    order = torch.randperm(50, generator=generator)
    offsets = 1000 * torch.randn(50, 1, generator=generator)
    expected = fit_temperature(logits, targets)
    assert fit_temperature(logits[order], targets[order]) == pytest.approx(expected)
    moved = fit_temperature(logits.double() + offsets.double(), targets)
    assert moved == pytest.approx(expected, rel=1e-6)


def test_guessing_has_no_certainty() -> None:
    logits = torch.tensor([[5.0, 0.0], [5.0, 0.0], [0.0, 5.0], [0.0, 5.0]])
    assert fit_temperature(logits, torch.tensor([0, 1, 0, 1])) > 99


def test_without_clips_there_is_no_temperature() -> None:
    with pytest.raises(ValueError, match="no clip"):
        fit_temperature(torch.empty(0, 3), torch.empty(0, dtype=torch.int64))


def test_the_error_by_hand() -> None:
    # Bins of a fifteenth: .55 alone, right; .81 and .85 together, one of them right.
    probabilities = torch.tensor([[0.55, 0.45], [0.81, 0.19], [0.15, 0.85]])
    targets = torch.tensor([0, 0, 0])
    expected = (abs(1 - 0.55) + 2 * abs(0.5 - 0.83)) / 3
    assert calibration_error(probabilities, targets) == pytest.approx(expected)


def test_probabilities_at_a_temperature() -> None:
    logits = torch.tensor([[4.0, 1.0, -2.0], [0.5, 0.0, 3.0]], dtype=torch.float64)
    cooled = calibrate(logits.softmax(-1), 2.5)
    assert cooled.numpy() == pytest.approx(softmax(logits.numpy() / 2.5, axis=1))
    assert calibrate(torch.tensor([1.0, 0.0]), 3.0).tolist() == [1, 0]


def test_bins_by_hand() -> None:
    # Of 15 bins, .55 lies in the ninth, .81 and .85 in the thirteenth, 1 by itself.
    rows = [[0.55, 0.45], [0.81, 0.19], [0.15, 0.85], [1.0, 0.0]]
    targets = torch.tensor([0, 0, 0, 1])
    bins = calibration_bins(torch.tensor(rows), targets, list("abcd"))
    assert [one.clips for one in bins] == [1, 2, 1]
    assert [one.confidence for one in bins] == pytest.approx([0.55, 0.83, 1])
    assert [one.accuracy for one in bins] == [1, 0.5, 0]
    # of one clip that is right (Clopper and Pearson): the root of 0.025, and 1
    assert bins[0][3:] == pytest.approx((0.025, 1))
    # of two groups, clip by clip: one of two
    assert bins[1][3:] == pytest.approx(beta.ppf([0.025, 0.975], [1, 2], [2, 1]))


@pytest.mark.parametrize("classes", [2, 6])
def test_gaps_of_bins_add_up_to_the_error(classes: int) -> None:
    generator = torch.Generator().manual_seed(classes)
    probabilities = (3 * torch.randn(300, classes, generator=generator)).softmax(-1)
    targets = torch.randint(classes, (300,), generator=generator)
    probabilities[:9] = torch.eye(classes)[targets[:9]]  # certain, and right
    bins = calibration_bins(probabilities, targets, ["a"] * 300)
    assert error_of(bins) == pytest.approx(
        calibration_error(probabilities, targets), abs=1e-6
    )
    assert sum(one.clips for one in bins) == 300


def test_a_bin_of_many_groups_has_an_interval_over_groups() -> None:
    probabilities = torch.tensor([[0.9, 0.1]]).repeat(40, 1)
    targets = torch.tensor([0, 1]).repeat_interleave(20)
    alone = calibration_bins(probabilities, targets, [str(n) for n in range(40)])[0]
    alike = calibration_bins(probabilities, targets, [str(n // 10) for n in range(40)])
    assert alike[0][:3] == alone[:3]
    assert alone[:3] == pytest.approx((40, 0.9, 0.5))
    assert alike[0].high - alike[0].low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize("wrong", [4, 5])
@pytest.mark.parametrize("groups", ["abab" * 5, "abcd" * 5])
def test_a_clip_that_is_judged_again_is_no_new_clip(groups: str, wrong: int) -> None:
    confidence, right = torch.full((20,), 0.9), torch.arange(20) >= wrong
    once = bins_of(confidence, right, groups)
    names = [str(number) for number in range(20)] * 6
    again = bins_of(confidence.repeat(6), right.repeat(6), groups * 6, names)
    assert again == [pytest.approx(one) for one in once]
    # One judgement that says otherwise, in a bin of its own, is of a clip there too.
    confidence = torch.tensor([0.9, 0.9, 0.9, 0.5])
    apart = bins_of(confidence, torch.ones(4).bool(), "aabb", [*"xyxy"])
    assert [one.clips for one in apart] == [0.5, 1.5]
    assert [one.low for one in apart] == pytest.approx([0.025, 0.025**0.5])
