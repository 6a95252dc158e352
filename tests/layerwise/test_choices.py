from dataclasses import replace

import pytest
import torch
from torch import Tensor

from crossemo.layerwise import score_rows, with_choices
from crossemo.probes.clips import TRAIN
from crossemo.probes.judgements import Judgements
from tests.layerwise.told import FOLDS, VIEWS, made_up_judgements

TOLD = made_up_judgements(roles=("speech", "song"))
BEST, MAJORITY = len(VIEWS), len(VIEWS) + 1


def best_of(told: Judgements) -> Tensor:
    return with_choices(told).said[:, BEST]


def test_the_best_layer_is_chosen_by_validation_fold_by_fold() -> None:
    found = with_choices(TOLD)
    chosen = set()
    for number, condition in enumerate(TOLD.conditions):
        recalls = TOLD.recall[TOLD.names.index(condition.trained)]
        for fold in range(FOLDS):
            tested = TOLD.tested_in == fold
            for variant in range(len(TOLD.variants)):
                own = recalls[:3, fold, variant].tolist()  # of the encoder's layers
                layer = own.index(max(own))
                chosen.add(layer)
                for all_said in (found.said, found.within):
                    told = all_said[number, :, variant][:, tested]
                    assert torch.equal(told[BEST], told[layer])
    assert chosen == {0, 1, 2}


def test_what_was_said_of_test_clips_does_not_choose_the_best_layer() -> None:
    perfect = TOLD.said.clone()
    perfect[:, 1] = TOLD.labels.short()
    worst = TOLD.recall.clone()
    worst[:, 1] = 0
    told = replace(TOLD, recall=worst)
    assert torch.equal(best_of(replace(told, said=perfect)), best_of(told))


def test_references_are_never_the_best_layer() -> None:
    higher = TOLD.recall.clone()
    higher[:, 3:] = 2
    assert torch.equal(best_of(replace(TOLD, recall=higher)), best_of(TOLD))


def test_of_layers_that_are_as_good_the_first_is_best() -> None:
    alike = replace(TOLD, recall=torch.full_like(TOLD.recall, 0.5))
    assert torch.equal(best_of(alike), TOLD.said[:, 0])


def test_the_majority_is_right_as_often_as_guessing() -> None:
    rows = [row for row in score_rows(with_choices(TOLD)) if row["view"] == "majority"]
    assert {row["kind"] for row in rows} == {"majority"}
    told = [row for row in rows if row["score"].partition("/")[0] == "UA"]
    assert len(told) == len(TOLD.conditions) * 3  # melody and shuffled labels
    for row in told:
        assert row["value"] == pytest.approx(row["chance"])


def test_the_majority_is_the_commonest_class_of_training() -> None:
    found = with_choices(TOLD)
    for number, condition in enumerate(TOLD.conditions):
        learnt = TOLD.roles == TOLD.names.index(condition.trained)
        judged = TOLD.roles == TOLD.names.index(condition.judged)
        for fold, parts in enumerate(TOLD.parts):
            labels = TOLD.labels[learnt & (parts == TRAIN)].tolist()
            tested = judged & (TOLD.tested_in == fold)
            commonest = max(range(3), key=labels.count)
            assert found.said[number, MAJORITY][:, tested].eq(commonest).all()
            sung = tested & (TOLD.labels != 1)  # calm or sad
            commonest = max((0, 2), key=labels.count)
            assert found.within[number, MAJORITY][:, sung].eq(commonest).all()
    unjudged = found.said[:, 0] < 0
    assert torch.equal(found.said[:, MAJORITY] < 0, unjudged)


def test_nothing_else_changes() -> None:
    found = with_choices(TOLD)
    assert torch.equal(found.said[:, :BEST], TOLD.said)
    assert torch.equal(found.within[:, :BEST], TOLD.within)
    assert [view.name for view in found.views[BEST:]] == ["best", "majority"]
