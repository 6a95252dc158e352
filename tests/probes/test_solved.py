from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from torch import Tensor

from crossemo.probes.clips import TEST, TRAIN, VAL, ProbedClips, shuffled_targets
from crossemo.probes.solved import SolvedProbes
from crossemo.probes.solved_classes import best_penalty
from tests.probes.fitting import fit, judged, speech_and_song
from tests.probes.made_up import (
    PENALTIES,
    features,
    made_up,
    other_labels,
    other_where,
    solve,
)
from tests.probes.made_up import judged as judge_all

ROLES = ("speech", "song")
CLIPS = made_up(singers=8, folds=3, roles=ROLES)
SHUFFLES = (None, 0, 5)
GRID = (1e-5, 1e-3, 1e-1)
FOLD = made_up(folds=1)  # with more, a clip is in every part once
VALUES = features(FOLD)
PART = FOLD.parts[0]


def wide(clips: ProbedClips, width: int) -> Tensor:
    """Features of any width that tell some of the class, of unequal sizes."""
    generator = torch.Generator().manual_seed(width)
    centres = torch.randn(len(clips.task.outputs), width, generator=generator)
    noise = torch.randn(len(clips.ids), width, generator=generator)
    return 3 + (noise + 0.4 * centres[clips.targets]) * torch.logspace(0, 3, width)


class Scikit:
    """What scikit-learn makes of one fold: penalty, UA on validation, and the fit."""

    def __init__(self, x: Any, y: Any, train: Any, val: Any) -> None:
        best: tuple[float, ...] = (-1.0,)
        for mu in GRID:
            probabilities = self.fitted(x, y, train, mu).predict_proba(self.scaled[val])
            recall = balanced_accuracy_score(y[val], probabilities.argmax(1))
            weights = compute_sample_weight("balanced", y[val])
            labels = range(probabilities.shape[1])
            loss = log_loss(y[val], probabilities, sample_weight=weights, labels=labels)
            best = max(best, (round(recall, 9), -loss, mu))
        self.recall, _, self.penalty = best
        both = self.fitted(x, y, train | val, self.penalty)
        self.probabilities = both.predict_proba(self.scaled)

    def fitted(self, x: Any, y: Any, inside: Any, mu: float) -> LogisticRegression:
        """Fit some clips, having scaled all by them."""
        self.scaled = StandardScaler().fit(x[inside]).transform(x)
        strength = 1 / (mu * x.shape[1] * inside.sum())
        options = {"C": strength, "tol": 1e-10, "max_iter": 100_000}
        model = LogisticRegression(class_weight="balanced", **options)
        return model.fit(self.scaled[inside], y[inside])


def probabilities(
    probes: SolvedProbes, fold: int, variant: int, x: Any, fit: Any
) -> Any:
    """What a probe says of all clips, scaled by those that it was fitted on."""
    scaled = torch.tensor(StandardScaler().fit(x[fit]).transform(x))
    weight, bias = (one[fold, variant] for one in probes.maps)
    return (scaled @ weight.T + bias).softmax(1).numpy()


@pytest.mark.parametrize("width", [1, 6, 30, 150])
def test_probes_are_scikit_learns_fold_by_fold(width: int) -> None:
    values = wide(CLIPS, width)
    x = values.double().numpy()
    for role in range(2):
        exact = solve(CLIPS, values, role, SHUFFLES, GRID)
        single = solve(CLIPS, values, role, SHUFFLES, GRID, "float32")
        own = (CLIPS.roles == role).numpy()
        for fold, parts in enumerate(CLIPS.parts.numpy()):
            train, val, test = (own & (parts == part) for part in (TRAIN, VAL, TEST))
            for variant, seed in enumerate(SHUFFLES):
                labels = (
                    CLIPS.targets if seed is None else shuffled_targets(CLIPS, seed)
                )
                theirs = Scikit(x, labels.numpy(), train, val)
                place = (fold, variant)
                assert float(exact.validation[place]) == pytest.approx(theirs.recall)
                assert float(exact.choice[place]) == pytest.approx(theirs.penalty)
                ours = probabilities(exact, *place, x, train | val)
                expected = theirs.probabilities
                assert np.abs(ours - expected)[test].max() < 1e-3
                recalls = [
                    balanced_accuracy_score(CLIPS.targets[test], p[test].argmax(1))
                    for p in (ours, expected)
                ]
                assert recalls[0] == recalls[1]
                if float(single.choice[place]) == pytest.approx(theirs.penalty):
                    rough = probabilities(single, *place, x, train | val)
                    assert np.abs(rough - expected)[test].max() < 2e-2
        assert exact.missed == single.missed == 0
        alike = (single.choice - exact.choice).abs() < 1e-9
        assert alike.double().mean() > 0.8


def test_penalties_are_chosen_and_shuffles_differ() -> None:
    # else nothing above could tell them apart
    probes = solve(CLIPS, wide(CLIPS, 30), 0, SHUFFLES, GRID)
    assert len(set(probes.choice.flatten().tolist())) == len(GRID)
    weight = probes.maps[0]
    assert not torch.allclose(weight[:, 1], weight[:, 2], rtol=0.1)


def test_the_best_penalty_has_the_best_recall_then_the_least_loss() -> None:
    recall = torch.tensor(
        [[0.5, 0.6, 0.6, 0.5], [0.6, 0.6, 0.6, 0.5], [0.5] * 3 + [0.5]]
    )
    loss = torch.tensor([[1.0, 2.0, 1.0, 1.0], [2.0, 1.0, 2.0, 1.0], [0.1] * 3 + [1.0]])
    penalties = torch.tensor([0.1, 1.0, 0.5])
    assert best_penalty(recall, loss, penalties).tolist() == [1, 1, 0, 1]
    assert best_penalty(recall[:, 3:], loss[:, 3:], penalties.flip(0)).tolist() == [1]


def same(one: SolvedProbes, other: SolvedProbes) -> bool:
    pairs = zip(one.maps, other.maps, strict=True)
    return all(torch.equal(*pair) for pair in pairs) and torch.equal(
        one.choice, other.choice
    )


def test_solving_never_sees_test_clips() -> None:
    changed = other_where(PART == TEST, VALUES)
    again = solve(other_labels(FOLD, PART == TEST), changed)
    assert same(again, solve(FOLD, VALUES))


def test_the_last_fit_sees_training_and_validation_clips() -> None:
    whole = solve(FOLD, VALUES)
    for part in (TRAIN, VAL):
        there = torch.eq(PART, part)
        other = solve(FOLD, other_where(there, VALUES), penalties=PENALTIES[:1])
        assert not same(other, solve(FOLD, VALUES, penalties=PENALTIES[:1]))
        assert not same(solve(other_labels(FOLD, there), VALUES), whole)


def test_penalty_and_recall_are_of_a_fit_that_has_not_seen_validation_clips() -> None:
    clips = made_up(singers=12, folds=1, seed=3)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(len(clips.ids), 200, generator=generator)  # which say nothing
    there = clips.parts[0] == VAL
    probes = solve(clips, values, penalties=(1e-6,))
    assert float(probes.validation) < 0.7
    # Of clips that it was fitted on, a probe of so many features knows each.
    weight, bias = (one[0, 0] for one in probes.maps)
    fitted = clips.parts[0] != TEST
    scaler = StandardScaler().fit(values[fitted].double())
    scaled = torch.tensor(scaler.transform(values[there].double()))
    assert torch.equal((scaled @ weight.T + bias).argmax(1), clips.targets[there])


def test_choices_are_made_without_test_clips() -> None:
    clips = made_up(singers=12, folds=1)
    values, tested = features(clips), clips.parts[0] == TEST
    found = judge_all(clips, values)
    again = judge_all(other_labels(clips, tested), other_where(tested, values))
    assert torch.equal(found.choice, again.choice)
    assert torch.equal(found.validation, again.validation)
    assert not torch.equal(found.said, again.said)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e4, -1e-6])
def test_what_is_constant_in_fitting_says_nothing_in_a_test(constant: float) -> None:
    values = VALUES.clone()
    values[PART != TEST, 1] = constant
    found = judge_all(FOLD, values)
    values[PART == TEST, 1] = 1e6
    assert torch.equal(judge_all(FOLD, values).said, found.said)
    values[PART == TEST, 0] += 1e6  # as a feature that varies does
    assert not torch.equal(judge_all(FOLD, values).said, found.said)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_the_size_of_a_feature_is_nothing_to_a_probe(factor: float) -> None:
    sizes = torch.tensor([factor, 1, 1, 1, factor**-1])
    plain, sized = judge_all(FOLD, VALUES), judge_all(FOLD, VALUES * sizes)
    assert torch.equal(plain.said, sized.said)
    torch.testing.assert_close(plain.validation, sized.validation)


def test_odd_features_are_solved_all_the_same() -> None:
    odd = torch.cat(
        (
            VALUES,
            VALUES,  # twice over
            VALUES[:, :1] * 1e-3 + 1e3,  # nearly constant
            (VALUES[:, :1] - 3) ** 9,  # a few clips far out
            torch.full((len(VALUES), 2), 7.0),
        ),
        1,
    )
    for values in (odd, VALUES[:, :1], torch.full((len(VALUES), 1), 2.0)):
        probes = solve(FOLD, values, shuffles=(None, 1), penalties=(1e-6, 1e-2))
        assert probes.missed == 0
        assert all(one.isfinite().all() for one in probes.maps)
    few = replace(FOLD, targets=torch.where(FOLD.targets == 2, 0, FOLD.targets))
    first = (PART == TRAIN).nonzero()[0]
    few.targets[first] = 2  # a class of one clip
    assert solve(few, VALUES, penalties=(1e-6, 1e-2)).missed == 0


# role, layer, fold and variant: true labels, and two shuffles
PLACES = [(0, 0, 0, 0), (1, 2, 3, 0), (0, 1, 2, 1), (1, 1, 1, 2)]


@pytest.fixture(scope="module")
def together(ravdess: Path, wav2vec2: Path) -> Any:
    return fit(speech_and_song(ravdess), wav2vec2, shuffles=2)


@pytest.mark.parametrize("place", PLACES)
def test_a_probe_gets_the_result_that_it_would_have_had_alone(
    together: Any, ravdess: Path, wav2vec2: Path, place: tuple[int, int, int, int]
) -> None:
    role, layer, fold, variant = place
    few: dict[str, Any] = {"layers": [layer], "folds": [fold], "shuffles": variant}
    alone = fit(speech_and_song(ravdess), wav2vec2, **few)
    ours, theirs = judged(together), judged(alone)
    for name in ("choice", "validation"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert one[role, layer, fold, variant] == other[role, 0, 0, -1]
    cells = [c.trained == ours.names[role] for c in ours.conditions]
    tested = ours.parts[fold] == TEST
    for one, other in ((ours.said, theirs.said), (ours.within, theirs.within)):
        mine, own = one[cells][..., tested], other[cells][..., tested]
        assert torch.equal(mine[:, layer, variant], own[:, 0, -1])
