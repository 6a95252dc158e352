from dataclasses import replace
from math import isnan
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score

from crossemo.layerwise import score_rows, with_choices
from crossemo.layerwise.conditions import count_condition
from crossemo.metrics.intervals import chance_interval
from tests.layerwise.made_up import (
    SINGLE,
    TESTED,
    VIEWS,
    by_fold,
    jackknife,
    made_up_judgements,
    of_two_folds,
    recall,
)

JUDGEMENTS = made_up_judgements(roles=("speech", "song"))
ROWS = score_rows(JUDGEMENTS)
FEWER = of_two_folds(JUDGEMENTS)
# Judgements, their rows, and the blocks that are left out in turn.
OVER: dict[str, Any] = {
    "folds": (JUDGEMENTS, ROWS, TESTED),
    "groups": (FEWER, score_rows(FEWER), SINGLE),
}


def rows(
    name: str, number: int, labels: str = "true", table: list[Any] = ROWS
) -> list[Any]:
    condition = JUDGEMENTS.conditions[number]
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
    judgements, table, blocks = OVER[over]
    view_rows, score = rows(name, number, table=table), MEASURES[name]
    assert [row["view"] for row in view_rows] == [view.name for view in VIEWS]
    for view, row in enumerate(view_rows):
        scores = by_fold(judgements, number, view, score)
        replicates = [
            by_fold(judgements, number, view, score, without=block).mean()
            for block in blocks
        ]
        low, high, _ = jackknife(scores.mean(), replicates)
        assert row["value"] == pytest.approx(scores.mean())
        assert row["low"] == pytest.approx(max(low, 0))
        assert row["high"] == pytest.approx(min(high, 1))
        singers = sorted({singer for block in blocks for singer in block})
        without = [
            by_fold(judgements, number, view, score, without=[one]).mean()
            for one in singers
        ]
        low, high, _ = jackknife(scores.mean(), without)
        assert row["low_groups"] == pytest.approx(max(low, 0))
        assert row["high_groups"] == pytest.approx(min(high, 1))
        assert row["fold_sd"] == pytest.approx(scores.mean(0).std(ddof=1))
        assert row["seed_sd"] == pytest.approx(scores.mean(1).std(ddof=1))
        assert (row["folds"], row["groups"]) == (
            (3, 6) if judgements is JUDGEMENTS else (2, 4)
        )


@pytest.mark.parametrize("name", ["UA", "UA/calm|sad"])
def test_the_noise_of_clips_is_binomial(name: str) -> None:
    classes = (0, 1, 2) if name == "UA" else (0, 2)
    predictions = JUDGEMENTS.said if name == "UA" else JUDGEMENTS.within
    for view, row in enumerate(rows(name, 1)):
        expected = []
        for variant in (0, 1):
            said, variance = predictions[1, view, variant], 0.0
            for label in classes:
                clips = (JUDGEMENTS.roles == 1) & (JUDGEMENTS.targets == label)
                recall = float((said[clips] == label).double().mean())
                for fold in range(3):
                    count = int((clips & (JUDGEMENTS.tested_in == fold)).sum())
                    variance += recall * (1 - recall) / count
            expected.append(1.96 * variance**0.5 / 3 / len(classes))
        assert row["clip_noise"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert all(isnan(row["clip_noise"]) for row in rows("WA", 1))
    majority = [
        row for row in score_rows(with_choices(JUDGEMENTS)) if row["view"] == "majority"
    ]
    assert all(isnan(row["clip_noise"]) for row in majority)


def test_rows_say_what_they_are_of() -> None:
    for row in ROWS:
        view = next(view for view in VIEWS if view.name == row["view"])
        assert row["kind"] == view.kind
        assert row["layer"] == ("" if view.layer is None else view.layer)
        clips = JUDGEMENTS.roles == JUDGEMENTS.names.index(row["judged_on"])
        if row["score"] == "UA/calm|sad":
            clips &= JUDGEMENTS.targets != 1
        assert row["clips"] == int(clips.sum())


def test_every_condition_has_every_score_once() -> None:
    true = ["UA", "WA", "macro_F1", "recall/calm", "recall/happy", "recall/sad"]
    per_condition = len(true) + 1 + 3  # within the melody; of shuffled labels
    assert len(ROWS) == len(JUDGEMENTS.conditions) * len(VIEWS) * per_condition
    for number in range(len(JUDGEMENTS.conditions)):
        assert all(rows(name, number) for name in [*true, "UA/calm|sad"])


def test_a_score_within_a_melody_is_of_its_clips_alone() -> None:
    for view, row in enumerate(rows("UA/calm|sad", 1)):
        expected = by_fold(JUDGEMENTS, 1, view, predictions=JUDGEMENTS.within).mean()
        assert row["value"] == pytest.approx(expected)
        assert row["chance"] == 0.5
        labels = (
            JUDGEMENTS.targets[(JUDGEMENTS.roles == 1) & (JUDGEMENTS.targets != 1)] // 2
        )
        assert row["chance_high"] == chance_interval(labels, 2)[1]


def test_shuffled_labels_have_rows_of_their_own() -> None:
    for view, row in enumerate(rows("UA", 0, "shuffled")):
        scores = by_fold(JUDGEMENTS, 0, view, variants=[2])
        assert row["value"] == pytest.approx(scores.mean())
        assert isnan(row["seed_sd"])  # of one
        assert isnan(row["low"])
        assert isnan(row["high"])
    without = replace(
        JUDGEMENTS, variants=JUDGEMENTS.variants[:2], said=JUDGEMENTS.said[:, :, :2]
    )
    assert {row["labels"] for row in score_rows(without)} == {"true"}


def test_chance_stands_where_it_means_something() -> None:
    for row in rows("UA", 1) + rows("UA", 1, "shuffled"):
        assert row["chance"] == 1 / 3
        labels = JUDGEMENTS.targets[JUDGEMENTS.roles == 1]
        assert row["chance_high"] == chance_interval(labels, 3)[1]
    assert all(isnan(row["chance"]) for row in rows("WA", 1))


def test_few_groups_have_no_interval() -> None:
    judgements = made_up_judgements()
    few = torch.tensor(
        [group in ("singer-0", "singer-1") for group in judgements.groups]
    )
    judgements.parts[:, ~few] = -1
    for row in score_rows(judgements):
        assert not isnan(row["value"])
        assert row["groups"] == 2
        assert isnan(row["low"])
        assert isnan(row["high"])


def test_a_fold_of_many_groups_is_one_block() -> None:
    three = count_condition(JUDGEMENTS, 0, shuffled=False)
    assert three.blocks.tolist() == three.folds.tolist() == [0, 1, 2, 0, 1, 2]
    two = count_condition(FEWER, 0, shuffled=False)
    assert two.folds.tolist() == [0, 1, 0, 1]
    assert two.blocks.tolist() == [0, 1, 2, 3]
    assert three.has_interval
    assert two.has_interval
