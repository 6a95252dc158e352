from dataclasses import replace
from math import isnan
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from crossemo.layerwise import score_rows
from crossemo.layerwise.scores import count_told
from crossemo.metrics.intervals import chance_interval
from tests.layerwise.told import (
    SINGLE,
    TESTED,
    VIEWS,
    by_fold,
    jackknife,
    made_up_judgements,
    of_two_folds,
    recall,
)

TOLD = made_up_judgements(roles=("speech", "song"))
ROWS = score_rows(TOLD)
FEWER = of_two_folds(TOLD)
# What is told, its rows, and what is left out in turn.
OVER: dict[str, Any] = {
    "folds": (TOLD, ROWS, TESTED),
    "groups": (FEWER, score_rows(FEWER), SINGLE),
}


def rows(
    name: str, number: int, labels: str = "true", table: list[Any] = ROWS
) -> list[Any]:
    condition = TOLD.conditions[number]
    return [
        row
        for row in table
        if (row["trained_on"], row["judged_on"], row["scaler"]) == condition
        and (row["score"], row["labels"]) == (name, labels)
    ]


MEASURES: dict[str, Any] = {
    "UA": recall,
    "WA": accuracy_score,
    "macro_F1": lambda y, p: f1_score(y, p, average="macro"),
    "recall/happy": lambda y, p: np.mean(p[y == 1] == 1),
}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("over", OVER)
def test_values_and_intervals_are_those_by_hand(
    name: str, number: int, over: str
) -> None:
    told, table, blocks = OVER[over]
    found, score = rows(name, number, table=table), MEASURES[name]
    assert [row["view"] for row in found] == [view.name for view in VIEWS]
    for view, row in enumerate(found):
        scores = by_fold(told, number, view, score)
        left = [
            by_fold(told, number, view, score, without=block).mean() for block in blocks
        ]
        low, high, _ = jackknife(scores.mean(), left)
        assert row["value"] == pytest.approx(scores.mean())
        assert row["low"] == pytest.approx(max(low, 0))
        assert row["high"] == pytest.approx(min(high, 1))
        assert row["fold_sd"] == pytest.approx(scores.mean(0).std(ddof=1))
        assert row["seed_sd"] == pytest.approx(scores.mean(1).std(ddof=1))
        assert (row["folds"], row["groups"]) == ((3, 6) if told is TOLD else (2, 4))


def test_rows_say_what_they_are_of() -> None:
    for row in ROWS:
        view = next(view for view in VIEWS if view.name == row["view"])
        assert row["kind"] == view.kind
        assert row["layer"] == ("" if view.layer is None else view.layer)
        judged = TOLD.roles == TOLD.names.index(row["judged_on"])
        if row["score"] == "UA/calm|sad":
            judged &= TOLD.labels != 1
        assert row["clips"] == int(judged.sum())


def test_every_condition_has_every_score_once() -> None:
    true = ["UA", "WA", "macro_F1", "recall/calm", "recall/happy", "recall/sad"]
    per_condition = len(true) + 1 + 3  # within the melody; of shuffled labels
    assert len(ROWS) == len(TOLD.conditions) * len(VIEWS) * per_condition
    for number in range(len(TOLD.conditions)):
        assert all(rows(name, number) for name in [*true, "UA/calm|sad"])


def test_a_score_within_a_melody_is_of_its_clips_alone() -> None:
    for view, row in enumerate(rows("UA/calm|sad", 1)):
        expected = by_fold(TOLD, 1, view, said=TOLD.within).mean()
        assert row["value"] == pytest.approx(expected)
        assert row["chance"] == 0.5
        labels = TOLD.labels[(TOLD.roles == 1) & (TOLD.labels != 1)] // 2
        assert row["chance_high"] == chance_interval(labels, 2)[1]


def test_shuffled_labels_have_rows_of_their_own() -> None:
    for view, row in enumerate(rows("UA", 0, "shuffled")):
        scores = by_fold(TOLD, 0, view, variants=[2])
        assert row["value"] == pytest.approx(scores.mean())
        assert isnan(row["seed_sd"])  # of one
        assert isnan(row["low"])
        assert isnan(row["high"])
    without = replace(TOLD, variants=TOLD.variants[:2], said=TOLD.said[:, :, :2])
    assert {row["labels"] for row in score_rows(without)} == {"true"}


def test_guessing_is_told_where_it_means_something() -> None:
    for row in rows("UA", 1) + rows("UA", 1, "shuffled"):
        assert row["chance"] == 1 / 3
        labels = TOLD.labels[TOLD.roles == 1]
        assert row["chance_high"] == chance_interval(labels, 3)[1]
    assert all(isnan(row["chance"]) for row in rows("WA", 1))


def test_few_groups_have_no_interval() -> None:
    told = made_up_judgements()
    few = torch.tensor([group in ("singer-0", "singer-1") for group in told.groups])
    told.parts[:, ~few] = -1
    for row in score_rows(told):
        assert not isnan(row["value"])
        assert row["groups"] == 2
        assert isnan(row["low"])
        assert isnan(row["high"])


def test_a_fold_of_many_groups_is_one_block() -> None:
    three = count_told(TOLD, 0, shuffled=False)
    assert three.blocks.tolist() == three.folds.tolist() == [0, 1, 2, 0, 1, 2]
    two = count_told(FEWER, 0, shuffled=False)
    assert two.folds.tolist() == [0, 1, 0, 1]
    assert two.blocks.tolist() == [0, 1, 2, 3]
    assert three.sure
    assert two.sure
