from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import false_discovery_control

from crossemo.errors import CrossEmoError
from crossemo.layerwise import encoder_rows, pair_rows, with_choices
from crossemo.probes.judgements import Judgements
from crossemo.tasks.classes import Classes
from tests.layerwise.made_up import (
    SINGLE,
    TESTED,
    VIEWS,
    by_fold,
    jackknife,
    made_up_judgements,
    of_two_folds,
)

JUDGEMENTS = with_choices(made_up_judgements(roles=("speech", "song")))
ROWS = pair_rows(JUDGEMENTS)
FEWER = of_two_folds(JUDGEMENTS)
# Judgements, their rows, and the blocks that are left out in turn.
OVER: dict[str, Any] = {
    "folds": (JUDGEMENTS, ROWS, TESTED),
    "groups": (FEWER, pair_rows(FEWER), SINGLE),
}
NAMES = [view.name for view in JUDGEMENTS.views]


def difference(
    first: tuple[Judgements, int],
    second: tuple[Judgements, int],
    number: int,
    blocks: Sequence[Collection[str]] = TESTED,
) -> tuple[float, float, float, float]:
    """Difference of UA, its interval and p, from lists of clips."""

    def value(without: Collection[str] = ()) -> float:
        one, other = (
            by_fold(judgements, number, view, without=without).mean()
            for judgements, view in (first, second)
        )
        return float(other - one)

    return value(), *jackknife(value(), [value(block) for block in blocks])


def statistics(row: Any) -> list[float]:
    return [row[name] for name in ("UA", "low", "high", "p")]


def test_pairs_are_those_worth_comparing() -> None:
    expected = [("two layers", *pair) for pair in combinations(["0", "1", "2"], 2)]
    expected += [("random and trained weights", f"random {n}", n) for n in ("0", "2")]
    expected += [("reference and best layer", n, "best") for n in ("level", "majority")]
    for condition in JUDGEMENTS.conditions:
        pairs = [
            (row["kind"], row["first"], row["second"])
            for row in ROWS
            if (row["trained_on"], row["judged_on"], row["scaler"]) == condition
        ]
        assert pairs == expected


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("over", OVER)
def test_differences_are_those_by_hand(number: int, over: str) -> None:
    judgements, table, blocks = OVER[over]
    assert len(table) == len(ROWS)
    for row in table:
        if JUDGEMENTS.conditions[number] == (
            row["trained_on"],
            row["judged_on"],
            row["scaler"],
        ):
            one, other = (
                (judgements, NAMES.index(row[n])) for n in ("first", "second")
            )
            expected = difference(one, other, number, blocks)
            assert statistics(row) == pytest.approx(list(expected), rel=1e-6, abs=1e-9)


def test_the_second_is_higher_where_the_difference_is_above_zero() -> None:
    right = JUDGEMENTS.said.clone()
    right[:, 2] = torch.where(right[:, 2] >= 0, JUDGEMENTS.targets, -1).short()
    rows = pair_rows(replace(JUDGEMENTS, said=right))
    assert all(row["UA"] > 0 for row in rows if row["second"] == "2")


def test_p_is_corrected_for_the_pairs_of_a_kind() -> None:
    cells: dict[Any, list[Any]] = {}
    for row in ROWS:
        key = tuple(row[k] for k in ("trained_on", "judged_on", "scaler", "kind"))
        cells.setdefault(key, []).append(row)
    assert {len(cell) for cell in cells.values()} == {3, 2}
    for cell in cells.values():
        q = false_discovery_control([row["p"] for row in cell])
        assert [row["q"] for row in cell] == pytest.approx(q.tolist())


def test_no_difference_is_no_evidence() -> None:
    predictions = JUDGEMENTS.said.clone()
    predictions[:, 1] = predictions[:, 0]
    row = pair_rows(replace(JUDGEMENTS, said=predictions))[0]
    assert (row["first"], row["second"]) == ("0", "1")
    assert statistics(row) == [0, 0, 0, 1]


def test_rounding_is_no_evidence() -> None:
    # Every singer alike; recalls of 1/10, 2/10, 3/10 and of 3/10, 2/10, 1/10.
    labels = torch.arange(3).repeat_interleave(10).repeat(6)
    right = torch.arange(180) % 10
    wrong = (labels + 1) % 3
    predictions = torch.stack(
        [
            torch.where(right < limit[labels], labels, wrong)
            for limit in (torch.tensor([1, 2, 3]), torch.tensor([3, 2, 1]))
        ]
    )
    groups = [f"singer-{n // 30}" for n in range(180)]
    judgements = replace(
        JUDGEMENTS,
        said=predictions[None, :, None].expand(-1, -1, 3, -1).short(),
        roles=torch.zeros(180, dtype=torch.long),
        targets=labels,
        parts=(torch.arange(180) // 60 - torch.arange(3)[:, None] + 2) % 3,
        conditions=JUDGEMENTS.conditions[:1],
        views=VIEWS[:2],
        groups=tuple(groups),
    )
    (row,) = pair_rows(judgements)
    assert statistics(row) == pytest.approx([0, 0, 0, 1])


def test_few_groups_are_not_compared() -> None:
    judgements = made_up_judgements()
    few = torch.tensor(
        [group in ("singer-0", "singer-1") for group in judgements.groups]
    )
    judgements.parts[:, ~few] = -1
    assert pair_rows(with_choices(judgements)) == []


OTHER = with_choices(made_up_judgements(seed=1, roles=("speech", "song")))


def only(judgements: Judgements, rows: list[int]) -> Judgements:
    """The clips of some rows, in their order."""
    return replace(
        judgements,
        said=judgements.said[..., rows],
        within=judgements.within[..., rows],
        roles=judgements.roles[rows],
        targets=judgements.targets[rows],
        parts=judgements.parts[:, rows],
        ids=tuple(judgements.ids[row] for row in rows),
        groups=tuple(judgements.groups[row] for row in rows),
    )


def test_encoders_are_compared_on_the_clips_that_both_have() -> None:
    count = len(JUDGEMENTS.ids)
    rows = list(range(0, count, 2)) + list(range(1, count - 9, 2))
    some = only(OTHER, rows)
    views = [NAMES.index(name) for name in ("2", "random 0", "level", "best")]
    some = replace(
        some, said=some.said[:, views], views=[JUDGEMENTS.views[v] for v in views]
    )
    shared = sorted(rows)
    mine, theirs = only(JUDGEMENTS, shared), only(OTHER, shared)
    table = encoder_rows([("one", JUDGEMENTS), ("other", some)])
    # Acoustic references are of the clips alone.
    assert [row["view"] for row in table] == ["2", "random 0", "best"] * 6
    for place, row in enumerate(table):
        assert (row["first"], row["second"]) == ("one", "other")
        number, view = place // 3, NAMES.index(row["view"])
        condition = (row["trained_on"], row["judged_on"], row["scaler"])
        assert JUDGEMENTS.conditions[number] == condition
        expected = difference((mine, view), (theirs, view), number)
        assert statistics(row) == pytest.approx(list(expected), rel=1e-6, abs=1e-9)
    back = encoder_rows([("other", some), ("one", JUDGEMENTS)])
    np.testing.assert_allclose(
        [statistics(row)[0] for row in back], [-statistics(row)[0] for row in table]
    )


def test_three_encoders_are_three_pairs() -> None:
    rows = encoder_rows([("a", JUDGEMENTS), ("b", OTHER), ("c", JUDGEMENTS)])
    pairs = list(dict.fromkeys((row["first"], row["second"]) for row in rows))
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c")]
    assert {
        row["p"] for row in rows if row["second"] == "c" and row["first"] == "a"
    } == {1.0}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"parts": JUDGEMENTS.parts.roll(1, 0)}, "The runs were split otherwise"),
        ({"parts": JUDGEMENTS.parts[:2]}, "The runs were split otherwise"),
        (
            {"task": Classes.of_outputs(("calm", "happy", "angry"))},
            "one has the outputs .*'sad'",
        ),
        ({"names": ("speech", "music")}, "one has the names .*'song'"),
        ({"ids": tuple(f"x{n}" for n in JUDGEMENTS.ids)}, "The runs share no clip: "),
    ],
)
def test_runs_on_other_data_are_not_compared(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CrossEmoError, match=sentence):
        encoder_rows([("one", JUDGEMENTS), ("other", replace(OTHER, **changes))])
