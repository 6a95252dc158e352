from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, spearmanr

from crossemo.studies.emotion_pairs import EmotionPairs, dealt
from crossemo.studies.explanation import ALL, explain, explanation_of
from crossemo.studies.gains import clip_gains, same_emotion
from tests.studies.made_up_transfer import EMOTIONS, Frames, Plan, Speakers, frames

if TYPE_CHECKING:
    from crossemo.studies.findings import Findings

STRENGTHS = np.array([0, 1, 4, 3, 2, 5]) / 5  # of the cues that emotions share
QUIET = Plan(takes=20, seeds=1, distance_noise=0.02, gain_noise=0.02)
PLANTED = frames(QUIET, 0.8 - 0.6 * STRENGTHS, 0.6 * STRENGTHS)
HEAD = ["encoder", "strategy", "source", "target", "study", "condition"]


def renamed(given: Frames, **columns: str) -> Frames:
    """The same runs under other names, of another condition."""
    distances, predictions, runs = (one.copy() for one in given)
    for table in (distances, predictions, runs):
        table["run"] = columns["condition"] + table["run"]
    return distances, predictions, runs.assign(**columns)


def joined(*all_frames: Frames) -> Frames:
    one, other, third = zip(*all_frames, strict=True)
    return pd.concat(one), pd.concat(other), pd.concat(third)


def rows_of(table: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    for name, value in columns.items():
        table = table[table[name] == value]
    return table


def test_the_emotion_that_lies_nearer_gains_more_where_it_was_planted() -> None:
    tests, points = explain(*PLANTED)
    assert list(tests["layer"]) == ["0", "1", "2", "3", ALL]
    assert (tests["emotions"] == 6).all()
    assert not tests["shared_units"].any()
    assert (tests["rho"] < -0.9).all()
    assert (tests["p"] < 0.01).all()
    assert tests["runs"].iloc[0] == tuple(f"fold{n}_seed0" for n in range(6))
    one = rows_of(points, layer="2")
    assert list(one["emotion"]) == list(EMOTIONS[:6])
    assert one["distance"].to_numpy() == pytest.approx(0.8 - 0.6 * STRENGTHS, abs=0.05)
    assert one["gain"].to_numpy() == pytest.approx(0.6 * STRENGTHS, abs=0.1)
    assert (one["distance_low"] < one["distance"]).all()
    assert (one["gain"] < one["gain_high"]).all()
    pooled = spearmanr(one["distance"], one["gain"]).statistic
    assert rows_of(tests, layer="2")["rho_pooled"].item() == pytest.approx(pooled)


def test_gains_are_differences_of_recalls_over_all_folds() -> None:
    distances, predictions, runs = frames(Plan(), STRENGTHS, STRENGTHS / 2)
    points = rows_of(explain(distances, predictions, runs).points, layer="0")
    right = predictions["true"] == predictions["predicted"]
    table = predictions.assign(right=right.astype(float)).merge(runs, on="run")
    # every fold and seed has as many clips
    recalls = table.pivot_table("right", "true", "stage")
    gains = recalls["target"] - recalls["target_only"]
    expected = gains[list(points["emotion"])].to_numpy()
    assert points["gain"].to_numpy() == pytest.approx(expected)
    assert set(points["clips"]) == {24 * 4}
    assert set(points["units"]) == {24}


def test_two_speakers_have_no_interval_of_a_gain() -> None:
    for speakers, known in ((2, False), (3, True)):
        plan = Plan(folds=1, speakers=speakers)
        points = explain(*frames(plan, STRENGTHS, STRENGTHS)).points
        assert points["gain_low"].notna().all() == known
        assert points["gain_high"].max() <= 1 or not known


def test_gain_and_distance_are_of_other_folds_and_meet_once() -> None:
    for folds in range(2, 13):
        gaining, measured = (one.double() for one in dealt(folds))
        meetings = gaining.T @ measured  # (folds of gains, folds of distances)
        assert meetings.max() == 1
        assert not (meetings * meetings.T).any()
        assert not meetings.diagonal().any()
    assert len(dealt(2)[0]) == 1


def test_correlations_are_those_of_the_folds_they_say() -> None:
    distances, predictions, runs = frames(Plan(), STRENGTHS, STRENGTHS)
    near = same_emotion(distances.merge(runs, on="run"), "fad_above_chance")
    clips = clip_gains(predictions.merge(runs, on="run"))
    pairs = EmotionPairs.of(clips, near)
    first = rows_of(near, layer="1").pivot_table("distance", "fold", "emotion")
    by_emotion = clips.groupby(["fold", "emotion"])["gain"].mean().unstack()
    ranked = []
    for number in range(3):
        gain = by_emotion.loc[[number, number + 3]].mean()
        after = (number + 1) % 3
        distance = first.loc[[after, after + 3]].mean()
        ranked.append((gain.rank() - 3.5, distance.rank() - 3.5))
    a, b = (np.concatenate(one) for one in zip(*ranked, strict=True))
    expected = a @ b / np.sqrt((a @ a) * (b @ b))
    assert pairs.correlation().rho[1].item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("plan", "shared", "part"),
    [
        (Plan(folds=2), False, "test"),
        (Plan(part="train"), False, "train"),
        (Plan(folds=1), True, "test"),
        (Plan(part="all"), True, "all"),
    ],
)
def test_what_is_over_the_same_units_is_said(
    plan: Plan, shared: bool, part: str
) -> None:
    tests, points = explain(*frames(plan, -STRENGTHS, STRENGTHS))
    assert set(tests["shared_units"]) == {shared}
    assert set(tests["part"]) == {part}
    assert tests["low"].notna().any() == (part == "train")  # over six folds
    assert len(points) == 4 * 6


def test_folds_that_test_the_same_speakers_share_them() -> None:
    distances, predictions, runs = frames(Plan(), -STRENGTHS, STRENGTHS)
    same = predictions.assign(group="demo/" + predictions["group"].str[-1])
    assert explain(distances, same, runs).tests["shared_units"].all()


def test_the_best_layer_pays_for_being_chosen() -> None:
    noise = np.random.default_rng(3).standard_normal((12, 6))
    tests = explain(*frames(Plan(layers=12), noise, STRENGTHS)).tests
    layers, best = tests[tests["layer"] != ALL], tests[tests["layer"] == ALL].iloc[0]
    assert best["rho"] == layers["rho"].min()
    chosen = layers.sort_values("rho").iloc[0]
    assert best["p"] > chosen["p"]
    assert best["chance_low"] < layers["chance_low"].min()
    assert best["p_two_sided"] >= layers["p_two_sided"].min()
    assert layers["q"].isna().all()


def test_tests_of_encoders_and_strategies_are_corrected_for_their_number() -> None:
    others = [
        renamed(frames(Plan(), STRENGTHS, gains), condition=name, strategy=name)
        for name, gains in (("PEFT", STRENGTHS), ("baseline", -STRENGTHS))
    ]
    tests = explain(*joined(PLANTED, *others)).tests
    best = tests[tests["layer"] == ALL]
    assert list(best["strategy"]) == ["full", "PEFT", "baseline"]
    assert best["q"].to_numpy() == pytest.approx(false_discovery_control(best["p"]))


def test_runs_that_are_not_done_count_for_nothing() -> None:
    distances, predictions, runs = PLANTED
    half = runs.assign(state=np.where(runs["fold"] < 4, "done", "failed"))
    assert set(explain(distances, predictions, half).tests["folds"]) == {4}
    none = explain(distances, predictions, runs.assign(state="running"))
    assert none.tests.empty
    assert none.points.empty
    assert "rho" in none.tests


def test_distances_of_another_strategy_serve_but_for_the_mixture() -> None:
    distances, predictions, runs = PLANTED
    last = distances["layer"].replace("3", "mixture")
    unmeasured = renamed((distances.iloc[:0], predictions, runs), condition="other")
    all_frames = joined((distances.assign(layer=last), predictions, runs), unmeasured)
    tests = explain(*all_frames).tests
    assert list(rows_of(tests, condition="first")["layer"]) == [*"012", "mixture", ALL]
    assert list(rows_of(tests, condition="other")["layer"]) == [*"012", ALL]


def test_what_the_runs_cannot_say_is_told() -> None:
    distances, predictions, runs = PLANTED
    (row,) = explain(distances.iloc[:0], predictions, runs).tests.to_dict("records")
    assert "--fad.before" in row["reason"]
    assert row["emotions"] == 0
    unknown = distances.assign(by_trace=np.nan)
    assert "two speakers" in explain(unknown, predictions, runs).tests["reason"].item()
    two = distances[distances["x_emotion"].isin(EMOTIONS[:2])]
    reason = explain(two, predictions, runs).tests["reason"].item()
    assert reason == "2 emotions have a distance and a gain, and it takes 3."
    only = predictions[predictions["stage"] == "target"]
    assert explain(distances, only, runs).tests.empty


def test_where_all_emotions_gain_alike_none_comes_first() -> None:
    distances, predictions, runs = PLANTED
    alike = predictions.assign(predicted=predictions["true"])
    tests = explain(distances, alike, runs).tests
    assert tests["rho"].isna().all()
    assert tests[tests["layer"] == ALL]["reason"].item().startswith("All emotions")


def test_texts_may_be_categories() -> None:
    distances, predictions, runs = PLANTED
    names = predictions.select_dtypes(exclude="number").columns
    categories = predictions.astype(dict.fromkeys(names, "category"))
    plain, other = (
        explain(distances, p, runs).tests for p in (predictions, categories)
    )
    pd.testing.assert_frame_equal(plain, other)


def test_three_emotions_cannot_show_anything() -> None:
    three = frames(QUIET, -STRENGTHS[:3], STRENGTHS[:3])
    best = explain(*three).tests.set_index("layer").loc[ALL]
    assert best["p"] == best["least_p"] == pytest.approx(1 / 6)
    assert np.isnan(best["chance_low"])


def test_noise_that_speakers_share_is_no_answer() -> None:
    """Odd speakers lie farther and gain less: seen in the same units, not in others."""
    plan = Plan(takes=8, layers=1, seeds=1, common=-0.95, gain_noise=0.4)
    alike = np.zeros(6)

    def correlations(part: str) -> tuple[float, float]:
        each = []
        for seed in range(40):
            made_up = Speakers(replace(plan, part=part), alike, alike, seed)
            pairs = EmotionPairs.of(made_up.clip_gains(), made_up.same_emotion())
            each.append(pairs.correlation())
        rho = np.mean([one.rho.item() for one in each])
        return float(rho), float(np.mean([one.p.item() <= 0.05 for one in each]))

    same, other = correlations("all"), correlations("test")
    assert same[0] < -0.4
    assert same[1] > 0.15
    assert abs(other[0]) < 0.2
    assert other[1] < 0.15


def test_runs_that_compare_with_none_are_left_out() -> None:
    distances, predictions, runs = PLANTED
    others = pd.DataFrame({"run": ["fold0_seed0"], "reason": "incomparable"})
    findings = SimpleNamespace(
        distances=distances, predictions=predictions, runs=runs, exclusions=others
    )
    tests, points = explanation_of(cast("Findings", findings))
    assert set(tests["folds"]) == {5}
    # Such a run's distances count, and its gains do not.
    findings.exclusions = others.assign(reason="incomplete: its seed lacks a fold")
    tests, again = explanation_of(cast("Findings", findings))
    assert set(tests["folds"]) == {5}
    assert (again["gain"] == points["gain"]).all()
    assert (again["distance"] != points["distance"]).any()
