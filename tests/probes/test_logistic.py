from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from torch import Tensor
from torch.nn.functional import cross_entropy

from crossemo.probes.clips import class_shares
from crossemo.probes.eigenbasis import Eigenbasis, eigenbasis
from crossemo.probes.logistic import Solution, solve_logistic

CLASSES = 4
WIDTHS = (1, 7, 40, 200)  # the last of more than the clips


class Made(NamedTuple):
    """Clips to learn from, others to judge, and labels of both."""

    clips: Tensor
    labels: Tensor
    others: Tensor
    other_labels: Tensor


def made(width: int, count: int = 90, seed: int = 0) -> Made:
    """Clips with some features that nearly repeat others, and unequal classes."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(5, (2 * count,), generator=generator).clamp(max=CLASSES - 1)
    centres = torch.randn(CLASSES, width, generator=generator)
    clips = torch.randn(2 * count, width, generator=generator) + 0.5 * centres[labels]
    if width > 2:
        clips[:, 2:] += 3 * clips[:, :1]
        clips[:, -1] = clips[:, 0] + 1e-3 * clips[:, -1]
    clips = clips.double()
    mean, deviation = clips[:count].mean(0), clips[:count].std(0, correction=0)
    clips = (clips - mean) / deviation
    return Made(clips[:count], labels[:count], clips[count:], labels[count:])


def solve(
    some: Made, targets: Tensor, penalties: Sequence[float], **options: Any
) -> tuple[Solution, Eigenbasis]:
    basis = eigenbasis(some.clips)
    shares = class_shares(targets, torch.ones_like(targets).bool(), CLASSES)
    dtype = options.pop("dtype", torch.float64)
    tensors = (some.clips @ basis.axes).to(dtype), basis.moments.to(dtype)
    strengths = torch.tensor(penalties)
    options = {"tolerance": 1e-8} | options
    return solve_logistic(
        *tensors, targets, shares, strengths, CLASSES, **options
    ), basis


def chances(solution: Solution, basis: Eigenbasis, clips: Tensor) -> Tensor:
    """Probabilities that each problem gives, `(problems, clips, classes)`."""
    weight = solution.weight.double() @ basis.axes.T
    return (clips @ weight.mT + solution.bias.double()[:, None]).softmax(-1)


def objective(some: Made, targets: Tensor, penalty: float) -> Any:
    """The objective in the features themselves, of weights and biases."""
    shares = class_shares(targets, torch.ones_like(targets).bool(), CLASSES)

    def calculate(weight: Tensor, bias: Tensor) -> Tensor:
        losses = cross_entropy(some.clips @ weight.T + bias, targets, reduction="none")
        return (losses * shares).sum() + penalty / 2 * weight.square().sum()

    return calculate


def shuffled(labels: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return labels[torch.randperm(len(labels), generator=generator)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("dtype", "most"), [("float64", 1e-3), ("float32", 2e-2)])
def test_solutions_are_scikit_learns(width: int, dtype: str, most: float) -> None:
    some = made(width)
    penalties = [width * mu for mu in (1e-6, 1e-4, 1e-2)]
    targets = torch.stack((some.labels, shuffled(some.labels, 0)))
    tolerance = 1e-8 if dtype == "float64" else 1e-6
    options = {"dtype": getattr(torch, dtype), "tolerance": tolerance}
    repeated = [penalty for penalty in penalties for _ in targets]
    solution, basis = solve(some, targets.repeat(3, 1), repeated, **options)
    assert solution.weight.dtype == options["dtype"]
    assert (solution.gap <= tolerance).all()
    ours = chances(solution, basis, some.others).numpy()
    for number, penalty in enumerate(repeated):
        theirs = LogisticRegression(
            C=1 / (penalty * len(some.clips)),
            class_weight="balanced",
            tol=1e-10,
            max_iter=100_000,
        ).fit(some.clips, targets[number % 2])
        expected = theirs.predict_proba(some.others)
        assert np.abs(ours[number] - expected).max() < most
        if dtype == "float64":
            recalls = [
                balanced_accuracy_score(some.other_labels, p.argmax(1))
                for p in (ours[number], expected)
            ]
            assert recalls[0] == recalls[1]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_left_to_descend(width: int) -> None:
    some = made(width, seed=1)
    penalty = 1e-3 * width
    solution, basis = solve(some, some.labels[None], [penalty], tolerance=1e-14)
    weight = (solution.weight[0] @ basis.axes.T).requires_grad_()
    bias = solution.bias[0].requires_grad_()
    value = objective(some, some.labels, penalty)(weight, bias)
    for gradient in torch.autograd.grad(value, (weight, bias)):
        assert gradient.abs().max() < 1e-6


@pytest.mark.parametrize("width", WIDTHS)
def test_the_gap_bounds_how_far_the_objective_is_above_its_least(width: int) -> None:
    some = made(width, seed=2)
    for penalty in (1e-4 * width, 1e-2 * width):
        calculate = objective(some, some.labels, penalty)
        values = {}
        for tolerance in (1e-13, 1e-6, 1e-4, 1e-2):
            asked = {"tolerance": tolerance}
            solution, basis = solve(some, some.labels[None], [penalty], **asked)
            weight = solution.weight[0] @ basis.axes.T
            values[tolerance] = float(calculate(weight, solution.bias[0]))
            assert solution.gap <= tolerance
            assert -1e-12 <= values[tolerance] - values[1e-13] <= solution.gap + 1e-12
        assert values[1e-2] > values[1e-13]


def test_a_problem_among_many_is_solved_as_alone() -> None:
    some = made(40, seed=3)
    penalties = [40 * mu for mu in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)]
    targets = torch.stack([shuffled(some.labels, seed) for seed in range(6)])
    together, basis = solve(some, targets, penalties)
    assert len(set(together.steps.tolist())) > 3  # else none leaves before another
    for number, penalty in enumerate(penalties):
        alone, _ = solve(some, targets[number, None], [penalty])
        torch.testing.assert_close(
            chances(alone, basis, some.others)[0],
            chances(together, basis, some.others)[number],
            rtol=0,
            atol=1e-4,
        )
        assert abs(int(alone.steps[0]) - int(together.steps[number])) <= 2


def test_what_is_not_solved_in_time_says_how_far_it_got() -> None:
    some = made(40)
    targets = some.labels.expand(2, -1)
    solution, _ = solve(some, targets, [1e-5, 10.0], max_steps=4)
    assert solution.gap[0] > 1e-8 >= solution.gap[1]
    assert solution.steps[0] == 4 > solution.steps[1]
    none, _ = solve(some, targets, [1e-5, 10.0], max_steps=0)
    assert not none.weight.any()
    assert (none.gap > 1e-8).all()


def test_classes_are_alike_where_there_is_nothing_to_see() -> None:
    some = made(3)._replace(clips=torch.zeros(90, 3).double())
    solution, basis = solve(some, some.labels[None], [0.1])
    assert basis.axes.shape == (3, 0)
    assert (chances(solution, basis, some.others) == 1 / CLASSES).all()


def test_every_problem_has_weights_of_its_own() -> None:
    some = made(7, seed=4)
    shares = class_shares(some.labels, torch.ones_like(some.labels).bool(), CLASSES)
    both = torch.stack((shares, torch.full_like(shares, 1 / len(shares))))
    basis = eigenbasis(some.clips)
    solution = solve_logistic(
        some.clips @ basis.axes,
        basis.moments,
        some.labels.expand(2, -1),
        both,
        torch.tensor([0.01, 0.01]),
        CLASSES,
        1e-10,
    )
    for number, weight in enumerate(("balanced", None)):
        options = {"C": 100 / len(shares), "tol": 1e-10, "max_iter": 10_000}
        theirs = LogisticRegression(class_weight=weight, **options)
        expected = theirs.fit(some.clips, some.labels).predict_proba(some.others)
        ours = chances(solution, basis, some.others)[number]
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-3)
