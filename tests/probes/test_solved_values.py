from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from crossemo.errors import CrossEmoError
from crossemo.probes.clips import TEST, TRAIN, VAL, ProbedClips, shuffled_targets
from crossemo.probes.linear import SolvedProtocol
from crossemo.probes.superb import TrainedProtocol
from crossemo.tasks.values import Values
from tests.probes.made_up_values import (
    KNOWN,
    PENALTIES,
    VARIANTS,
    ccc,
    judged_values,
    layers,
    made_up_values,
    solve_values,
)

CLIPS = made_up_values()
LAYERS = layers(CLIPS)
UNITS = np.array(CLIPS.groups)


class Refitted:
    """What scikit-learn makes of one fold and value, by a fit for each unit."""

    def __init__(self, x: Any, y: Any, train: Any, val: Any) -> None:
        scaled = StandardScaler().fit(x[train]).transform(x)
        scores = []
        for mu in PENALTIES:
            predicted = np.full(len(y), np.nan)
            for unit in set(UNITS[train]):
                out = train & (unit == UNITS)
                model = Ridge(alpha=mu * x.shape[1] * train.sum(), solver="svd")
                rest = train & ~out
                predicted[out] = model.fit(scaled[rest], y[rest]).predict(scaled[out])
            scores.append(ccc(predicted[train], y[train]))
        self.penalty = PENALTIES[int(np.argmax(scores))]
        self.validation = ccc(self.fitted(x, y, train)[val], y[val])
        self.predictions = self.fitted(x, y, train | val)

    def fitted(self, x: Any, y: Any, inside: Any) -> Any:
        """Return predictions of all clips by a fit to some."""
        scaled = StandardScaler().fit(x[inside]).transform(x)
        strength = self.penalty * x.shape[1] * inside.sum()
        return (
            Ridge(alpha=strength, solver="svd")
            .fit(scaled[inside], y[inside])
            .predict(scaled)
        )


@pytest.mark.parametrize("layer", range(3))
def test_probes_are_those_of_a_fit_for_every_unit(layer: int) -> None:
    x = LAYERS[layer].double().numpy()
    probes = solve_values(CLIPS, LAYERS[layer])
    judgements = judged_values(CLIPS, LAYERS)
    for fold, parts in enumerate(CLIPS.parts.numpy()):
        train, val, test = (parts == part for part in (TRAIN, VAL, TEST))
        for variant, (_, seed) in enumerate(VARIANTS):
            targets = CLIPS.targets if seed is None else shuffled_targets(CLIPS, seed)
            theirs = [
                Refitted(x, targets[:, k].double().numpy(), train, val) for k in (0, 1)
            ]
            penalties = probes.choice[fold, variant].tolist()
            assert penalties == pytest.approx([one.penalty for one in theirs])
            validation = np.mean([one.validation for one in theirs])
            assert float(probes.validation[fold, variant]) == pytest.approx(validation)
            decisions = judgements.said[0, layer, variant].numpy()[test]
            expected = np.stack([one.predictions[test] for one in theirs], 1)
            np.testing.assert_allclose(decisions, expected, atol=1e-5)


def test_penalties_differ_between_values_and_layers() -> None:
    # else nothing above could tell them apart
    choices = [solve_values(CLIPS, one).choice for one in LAYERS]
    assert len(set(torch.cat(choices).flatten().tolist())) == len(PENALTIES)
    assert any((one[..., 0] != one[..., 1]).any() for one in choices)


def test_the_layer_that_holds_the_values_is_best_on_validation() -> None:
    judgements = judged_values(CLIPS, LAYERS)
    true, shuffled = (
        judgements.validation[0, :, :, 0],
        judgements.validation[0, :, :, 1:],
    )
    assert true.argmax(0).eq(KNOWN).all()
    assert float(true[KNOWN].min()) > 0.9
    assert abs(float(shuffled.mean())) < 0.1


def other_where(part: int, fold: int = 0) -> ProbedClips:
    """The same clips, with other values where they are in a part."""
    there = torch.eq(CLIPS.parts[fold], part)[:, None]
    return replace(CLIPS, targets=torch.where(there, -CLIPS.targets, CLIPS.targets))


def test_penalties_are_chosen_by_training_clips_and_scores_by_validation() -> None:
    for values in LAYERS:
        probes = solve_values(CLIPS, values)
        for part, seen in ((TRAIN, True), (VAL, True), (TEST, False)):
            other = solve_values(other_where(part), values)
            same = torch.equal(probes.choice[0, 0], other.choice[0, 0])
            assert same or part == TRAIN
            score = probes.validation[0, 0], other.validation[0, 0]
            assert torch.equal(*score) != seen
            maps = probes.maps[0][0, 0], other.maps[0][0, 0]
            assert torch.equal(*maps) != seen


def test_one_unit_of_training_is_left_out_clip_by_clip() -> None:
    clips = made_up_values(units=3, clips=10, folds=3)
    for name in ("choice", "validation"):
        one = getattr(solve_values(clips, layers(clips)[KNOWN]), name)
        assert one.isfinite().all()


@pytest.mark.parametrize(
    ("protocol", "sentence"),
    [
        (
            TrainedProtocol(),
            "superb trains a classifier, and valence and arousal can't",
        ),
        (SolvedProtocol(precision="float32"), "precision is float32, and ridge"),
    ],
)
def test_what_makes_no_sense_for_values_is_refused(
    protocol: Any, sentence: str
) -> None:
    with pytest.raises(CrossEmoError, match=sentence):
        protocol.summary(Values())
