from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.metrics import r2_score, root_mean_squared_error

from crossemo.layerwise import encoder_rows, pair_rows, score_rows, similarity_rows
from crossemo.layerwise.choices import with_choices
from crossemo.layerwise.grid import choice_shares
from crossemo.probes.judgements import Condition, read_judgements
from tests.layerwise.made_up import jackknife
from tests.probes.made_up_values import (
    KNOWN,
    PENALTIES,
    ccc,
    judged_values,
    layers,
    made_up_values,
)

CLIPS = made_up_values(roles=("speech", "song"))
LAYERS = layers(CLIPS)
JUDGEMENTS = with_choices(judged_values(CLIPS, LAYERS))
ROWS = score_rows(JUDGEMENTS)
MEASURES: dict[str, Any] = {
    "CCC": ccc,
    "RMSE": lambda p, y: root_mean_squared_error(y, p),
    "Pearson": lambda p, y: pearsonr(p, y).statistic,
    "R2": lambda p, y: r2_score(y, p),
}


def rows(score: str, number: int = 0, labels: str = "true") -> dict[str, Any]:
    """Rows of one condition and score by view."""
    condition = JUDGEMENTS.conditions[number]
    return {
        row["view"]: row
        for row in ROWS
        if (row["trained_on"], row["judged_on"], row["scaler"]) == condition
        and (row["score"], row["labels"]) == (score, labels)
    }


def by_fold(number: int, view: int, output: int, score: Any, without: Any = ()) -> Any:
    """Scores of each fold that has clips left."""
    judged = JUDGEMENTS.conditions[number].judged
    inside = JUDGEMENTS.roles.numpy() == JUDGEMENTS.names.index(judged)
    inside &= ~np.isin(JUDGEMENTS.groups, list(without))
    tested = JUDGEMENTS.tested_in.numpy()
    predicted = JUDGEMENTS.said[number, view, 0, :, output].double().numpy()
    targets = JUDGEMENTS.targets[:, output].double().numpy()
    folds = [i for f in range(4) if (i := inside & (tested == f)).any()]
    return np.array([score(predicted[i], targets[i]) for i in folds])


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("number", [0, 3])
def test_values_and_intervals_are_those_by_hand(name: str, number: int) -> None:
    units = sorted(set(JUDGEMENTS.groups))
    blocks = [[f"unit-{u}" for u in range(f, 12, 4)] for f in range(4)]
    for output, value in enumerate(("valence", "arousal")):
        for view, row in list(enumerate(rows(f"{name}/{value}", number).values()))[:3]:
            arguments = number, view, output, MEASURES[name]
            expected = by_fold(*arguments).mean()
            assert row["value"] == pytest.approx(expected, abs=1e-6)
            for over, ends in ((blocks, ""), ([[u] for u in units], "_groups")):
                without = [by_fold(*arguments, without=out).mean() for out in over]
                low, high, _ = jackknife(expected, without)
                least, most = {"RMSE": (0, np.inf), "R2": (-np.inf, 1)}.get(
                    name, (-1, 1)
                )
                assert row[f"low{ends}"] == pytest.approx(max(low, least), abs=1e-5)
                assert row[f"high{ends}"] == pytest.approx(min(high, most), abs=1e-5)


def test_the_headline_is_the_mean_over_the_values() -> None:
    for view, row in rows("CCC").items():
        alone = [rows(f"CCC/{name}")[view]["value"] for name in ("valence", "arousal")]
        assert row["value"] == pytest.approx(np.mean(alone))
        assert row["chance"] == 0
    assert ROWS[0]["score"] == "CCC"  # by which reports know it


def test_the_values_are_where_they_were_put() -> None:
    scores = {view: row["value"] for view, row in rows("CCC").items()}
    assert list(scores) == ["0", "1", "2", "best", "mean"]
    assert scores[f"{KNOWN}"] == scores["best"] > 0.9
    assert scores["0"] < 0.1
    assert scores["mean"] == pytest.approx(0, abs=1e-12)
    for number in (2, 4):  # a linear map of both is learnt from either
        assert rows("CCC", number)[f"{KNOWN}"]["value"] > 0.9


def test_permuted_values_give_none() -> None:
    for name in ("CCC", "CCC/valence", "CCC/arousal"):
        for row in rows(name, labels="shuffled").values():
            assert abs(row["value"]) < 0.15
            assert isnan(row["low"])
    assert not rows("RMSE/valence", labels="shuffled")


def test_the_constant_is_the_mean_of_training() -> None:
    for fold, parts in enumerate(JUDGEMENTS.parts):
        learnt = (JUDGEMENTS.roles == 1) & (parts == 0)
        tested = (JUDGEMENTS.roles == 0) & (JUDGEMENTS.tested_in == fold)
        mean = JUDGEMENTS.targets[learnt].mean(0)
        condition = JUDGEMENTS.conditions.index(Condition("song", "speech", "judged"))
        said = JUDGEMENTS.said[condition, -1][:, tested]
        torch.testing.assert_close(said, mean.expand_as(said))
    assert JUDGEMENTS.views[-1].kind == "constant"


def test_layers_differ_by_their_scores() -> None:
    pairs = pair_rows(JUDGEMENTS)
    first = pairs[0]
    scores = rows("CCC")
    difference = scores[first["second"]]["value"] - scores[first["first"]]["value"]
    assert first["CCC"] == pytest.approx(difference)
    assert first["p"] < 0.05


def test_penalties_are_counted_over_all_values() -> None:
    shares = choice_shares(JUDGEMENTS, PENALTIES)
    choices = JUDGEMENTS.choice[0][:, :, 0]  # of true values
    for penalty in PENALTIES:
        share = np.isclose(choices.numpy(), penalty).mean()
        assert shares["speech"][f"{penalty:g}"] == pytest.approx(share)


def test_values_have_no_arrangement_of_emotions() -> None:
    assert similarity_rows(CLIPS, torch.stack(LAYERS, 1), range(3)) == []


def test_runs_are_kept_and_compared(tmp_path: Path) -> None:
    judged_values(CLIPS, LAYERS).save(tmp_path / "file")
    again = with_choices(read_judgements(tmp_path / "file"))
    assert again.task.describe() == CLIPS.task.describe()
    assert list(map(repr, score_rows(again))) == list(map(repr, ROWS))
    worse = with_choices(judged_values(CLIPS, layers(CLIPS, noise=3)))
    table = encoder_rows([("one", again), ("other", worse)])
    best = next(row for row in table if row["view"] == "best")
    assert best["CCC"] < 0
