from math import inf

import pytest
import torch

from crossemo.metrics.agreement import moments
from crossemo.metrics.moment_scores import moment_measures
from crossemo.metrics.regression import value_scores

OUTPUTS = ("valence", "arousal")


def sums(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return moments(predictions, targets).sum(0)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_scores_of_sums_are_those_of_the_clips(n: int) -> None:
    generator = torch.Generator().manual_seed(n)
    targets, noise = (torch.randn(n, 2, generator=generator).double() for _ in "ab")
    predictions = 0.3 + 0.5 * targets + noise * torch.tensor([0.1, 2.0])
    expected = value_scores(predictions, targets, OUTPUTS)
    measures = moment_measures(OUTPUTS)
    assert list(measures) == list(expected)
    for name, measure in measures.items():
        score = float(measure.score(sums(predictions, targets)))
        assert score == pytest.approx(expected[name], abs=1e-9), name
        assert measure.low - 1e-9 <= score <= measure.high + 1e-9


def test_what_has_no_score_is_nan() -> None:
    targets = torch.tensor([[0.1, 0.2], [0.3, 0.1], [0.2, 0.5]]).double()
    constant = moment_measures(OUTPUTS)
    same = sums(torch.full_like(targets, 0.1), targets)
    assert float(constant["CCC"].score(same)) == pytest.approx(0)
    assert constant["Pearson/valence"].score(same).isnan()
    assert not constant["R2/valence"].score(same).isnan()
    unequal = sums(targets, torch.full_like(targets, 0.1))
    assert constant["R2/valence"].score(unequal).isnan()
    # What is left of rounding where a fold has lost its clips.
    nothing = torch.tensor([0, 1e-17, 0, 1e-17, 1e-17, 0]).double().expand(2, 6)
    assert all(one.score(nothing).isnan() for one in constant.values())


def test_the_ends_are_those_of_the_scores() -> None:
    ends = {name: one[1:] for name, one in moment_measures(("arousal",)).items()}
    assert ends == {
        "CCC": (-1, 1),
        "CCC/arousal": (-1, 1),
        "RMSE/arousal": (0, inf),
        "Pearson/arousal": (-1, 1),
        "R2/arousal": (-inf, 1),
    }
