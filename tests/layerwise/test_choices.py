from dataclasses import replace

import pytest
import torch
from torch import Tensor

from crossemo.layerwise import score_rows, with_choices
from crossemo.probes.clips import TRAIN
from crossemo.probes.judgements import Judgements
from tests.layerwise.made_up import FOLDS, VIEWS, made_up_judgements

JUDGEMENTS = made_up_judgements(roles=("speech", "song"))
BEST, MAJORITY = len(VIEWS), len(VIEWS) + 1


def best_of(judgements: Judgements) -> Tensor:
    return with_choices(judgements).said[:, BEST]


def test_the_best_layer_is_chosen_by_validation_fold_by_fold() -> None:
    extended = with_choices(JUDGEMENTS)
    layers = set()
    for number, condition in enumerate(JUDGEMENTS.conditions):
        recalls = JUDGEMENTS.validation[JUDGEMENTS.names.index(condition.trained)]
        for fold in range(FOLDS):
            tested = JUDGEMENTS.tested_in == fold
            for variant in range(len(JUDGEMENTS.variants)):
                scores = recalls[:3, fold, variant].tolist()  # of the encoder's layers
                layer = scores.index(max(scores))
                layers.add(layer)
                for predictions in (extended.said, extended.within):
                    classes = predictions[number, :, variant][:, tested]
                    assert torch.equal(classes[BEST], classes[layer])
    assert layers == {0, 1, 2}


def test_predictions_of_test_clips_do_not_choose_the_best_layer() -> None:
    perfect = JUDGEMENTS.said.clone()
    perfect[:, 1] = JUDGEMENTS.targets.short()
    worst = JUDGEMENTS.validation.clone()
    worst[:, 1] = 0
    judgements = replace(JUDGEMENTS, validation=worst)
    assert torch.equal(best_of(replace(judgements, said=perfect)), best_of(judgements))


def test_references_are_never_the_best_layer() -> None:
    higher = JUDGEMENTS.validation.clone()
    higher[:, 3:] = 2
    assert torch.equal(
        best_of(replace(JUDGEMENTS, validation=higher)), best_of(JUDGEMENTS)
    )


def test_of_layers_that_are_as_good_the_first_is_best() -> None:
    alike = replace(JUDGEMENTS, validation=torch.full_like(JUDGEMENTS.validation, 0.5))
    assert torch.equal(best_of(alike), JUDGEMENTS.said[:, 0])


def test_the_majority_is_right_as_often_as_guessing() -> None:
    table = score_rows(with_choices(JUDGEMENTS))
    rows = [row for row in table if row["view"] == "majority"]
    assert {row["kind"] for row in rows} == {"constant"}
    recalls = [row for row in rows if row["score"].partition("/")[0] == "UA"]
    # of a melody and of shuffled labels too
    assert len(recalls) == len(JUDGEMENTS.conditions) * 3
    for row in recalls:
        assert row["value"] == pytest.approx(row["chance"])


def test_the_majority_is_the_commonest_class_of_training() -> None:
    extended = with_choices(JUDGEMENTS)
    for number, condition in enumerate(JUDGEMENTS.conditions):
        learnt = JUDGEMENTS.roles == JUDGEMENTS.names.index(condition.trained)
        judged = JUDGEMENTS.roles == JUDGEMENTS.names.index(condition.judged)
        for fold, parts in enumerate(JUDGEMENTS.parts):
            labels = JUDGEMENTS.targets[learnt & (parts == TRAIN)].tolist()
            tested = judged & (JUDGEMENTS.tested_in == fold)
            commonest = max(range(3), key=labels.count)
            assert extended.said[number, MAJORITY][:, tested].eq(commonest).all()
            sung = tested & (JUDGEMENTS.targets != 1)  # calm or sad
            commonest = max((0, 2), key=labels.count)
            assert extended.within[number, MAJORITY][:, sung].eq(commonest).all()
    unjudged = extended.said[:, 0] < 0
    assert torch.equal(extended.said[:, MAJORITY] < 0, unjudged)


def test_nothing_else_changes() -> None:
    extended = with_choices(JUDGEMENTS)
    assert torch.equal(extended.said[:, :BEST], JUDGEMENTS.said)
    assert torch.equal(extended.within[:, :BEST], JUDGEMENTS.within)
    assert [view.name for view in extended.views[BEST:]] == ["best", "majority"]
