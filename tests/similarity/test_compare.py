from itertools import product
from math import isnan
from typing import Any

import pytest
import torch

from crossemo.distances.cells import Cell
from crossemo.distances.frechet import frechet_distance
from crossemo.distances.kernel import kernel_distance
from crossemo.errors import CrossEmoError
from crossemo.similarity import (
    Domain,
    Settings,
    compare_clips,
    corrected,
    warnings_of,
)
from tests.distances.normals import normal
from tests.similarity.casts import EMOTIONS, domain

QUICK = Settings(splits=4, permutations=99)


def one(rows: list[Any], **values: str) -> Any:
    (row,) = [r for r in rows if all(r[k] == v for k, v in values.items())]
    return row


@pytest.fixture(scope="module")
def planted() -> tuple[list[Any], list[Any]]:
    """Emotions that are alike in both domains, but for angry."""
    speech = Domain("speech", domain(0, 1.5, apart=(0.0, 0.0, 0.0, 3.0)))
    return compare_clips(speech, Domain("song", domain(1, 1.5)), EMOTIONS, QUICK)


def test_every_pair_has_every_estimator(planted: tuple[list[Any], list[Any]]) -> None:
    rows, _ = planted
    across = {
        (r["x_emotion"], r["y_emotion"], r["estimator"])
        for r in rows
        if r["x_domain"] != r["y_domain"]
    }
    estimators = {
        "fad",
        "fad_mean_term",
        "fad_covariance_term",
        "fad_matched",
        "fad_above_chance",
        "fad_mean_above_chance",
        "fad_covariance_above_chance",
        "fad_subspace",
        "kernel",
    }
    assert across == set(product(EMOTIONS, EMOTIONS, estimators))
    for name in ("speech", "song"):
        within = [r for r in rows if r["x_domain"] == r["y_domain"] == name]
        pairs = {(r["x_emotion"], r["y_emotion"]) for r in within}
        assert len(pairs) == 6
        assert all(a != b for a, b in pairs)


def test_values_are_those_of_the_functions(
    planted: tuple[list[Any], list[Any]],
) -> None:
    rows, _ = planted
    speech = domain(0, 1.5, apart=(0.0, 0.0, 0.0, 3.0))[3]
    song = domain(1, 1.5)[1]
    at = {
        "x_domain": "speech",
        "x_emotion": "angry",
        "y_domain": "song",
        "y_emotion": "happy",
    }
    plain = one(rows, **at, estimator="fad")
    distance = frechet_distance(speech.embeddings, song.embeddings).item()
    assert plain["value"] == pytest.approx(distance)
    terms = [one(rows, **at, estimator=f"fad_{t}_term") for t in ("mean", "covariance")]
    assert sum(term["value"] for term in terms) == pytest.approx(plain["value"])
    assert (plain["x_n"], plain["y_n"], plain["x_groups"]) == (32, 32, 8)
    assert plain["width"] == 32
    # All cells have as many clips, so matching them changes nothing.
    matched = one(rows, **at, estimator="fad_matched")
    assert matched["value"] == pytest.approx(plain["value"])
    assert matched["used"] == 32


def test_what_differs_is_found_and_what_does_not_is_not(
    planted: tuple[list[Any], list[Any]],
) -> None:
    rows = corrected(planted[0])
    for estimator in ("fad_above_chance", "kernel"):
        for x, y in product(EMOTIONS, EMOTIONS):
            row = one(
                rows,
                x_domain="speech",
                y_domain="song",
                x_emotion=x,
                y_emotion=y,
                estimator=estimator,
            )
            same = x == y != "angry"
            assert (row["p"] <= 0.05) != same, (x, y, row)
            assert row["p"] <= row["q"]
            assert (row["q"] <= 0.05) != same, (x, y, row)
            assert row["low"] <= 0 or not same
            assert row["least_p"] == 2**-7


def test_the_bias_is_that_of_the_odd_emotion(
    planted: tuple[list[Any], list[Any]],
) -> None:
    _, measures = planted
    for estimator in ("fad_mean_above_chance", "kernel"):
        variance = one(measures, estimator=estimator, measure="emotion_variance")
        bias = one(measures, estimator=estimator, measure="emotion_bias")
        assert variance["low"] > 0
        assert bias["value"] == pytest.approx(variance["value"] ** 0.5)
        assert isnan(bias["low"])
    (dependence,) = [m for m in measures if m["measure"] == "emotion_dependence"]
    assert dependence["p"] == 1 / 100
    deviations = {
        m["emotion"]: m
        for m in measures
        if m["measure"] == "deviation" and m["estimator"] == "fad_above_chance"
    }
    assert deviations["angry"]["low"] > 0
    assert all(deviations[e]["high"] < 0 for e in EMOTIONS[:3])
    nearest = one(measures, estimator="fad_above_chance", measure="nearest_emotion")
    assert nearest["value"] >= 0.75
    assert nearest["chance"] == 0.25
    gap = one(measures, estimator="kernel", measure="same_emotion_gap")
    assert gap["low"] > 0
    assert gap["p"] == pytest.approx(1 / 24)


def test_domains_without_emotion_show_none() -> None:
    alarms = {"bias": 0, "gap": 0, "nearest": 0}
    for seed in range(0, 40, 2):
        speech, song = (Domain(f"{s}", domain(s, 0)) for s in (seed, seed + 1))
        settings = Settings(splits=3, permutations=49, fad_permutations=0)
        _, measures = compare_clips(speech, song, EMOTIONS, settings)
        above = [m for m in measures if m["estimator"] == "fad_above_chance"]
        variances = [m for m in measures if m["measure"] == "emotion_variance"]
        alarms["bias"] += any(m["low"] > 0 for m in variances)
        alarms["gap"] += one(above, measure="same_emotion_gap")["low"] > 0
        alarms["nearest"] += one(above, measure="nearest_emotion")["p"] <= 0.05
    assert max(alarms.values()) <= 3  # as 98 % of what 20 tests at 5 % give


def test_an_emotion_that_a_domain_lacks_has_no_distance() -> None:
    speech, song = domain(0, 1.0), domain(1, 1.0)
    song[2] = Cell(song[2].embeddings[:0], ())
    speech[1] = Cell(speech[1].embeddings[:1], speech[1].groups[:1])
    rows, measures = compare_clips(
        Domain("a", speech), Domain("b", song), EMOTIONS, QUICK
    )
    for row in rows:
        lacking = {row["x_n"], row["y_n"]} & {0, 1}
        if row["estimator"] in ("fad", "fad_above_chance", "fad_matched"):
            assert isnan(row["value"]) == bool(lacking), row
    emotions = {m["emotion"] for m in measures if m["measure"] == "deviation"}
    assert emotions == {"calm", "angry"}


def test_clips_without_groups_are_groups_of_their_own() -> None:
    speech, song = domain(0, 0.0, actors=1, clips=12), domain(1, 0.0, 1, 12)
    alone = [
        Domain(
            name,
            [
                Cell(c.embeddings, tuple(f"{name}{k}{i}" for i in range(len(c))))
                for k, c in enumerate(cells)
            ],
        )
        for name, cells in (("a", speech), ("b", song))
    ]
    rows, _ = compare_clips(alone[0], alone[1], EMOTIONS, QUICK)
    row = one(
        rows, x_domain="a", x_emotion="sad", y_domain="b", y_emotion="sad",
        estimator="kernel",
    )  # fmt: skip
    clips = [cell.embeddings for one in alone for cell in one.cells]
    everything = torch.cat(clips)
    h = torch.pdist(everything).median().item()
    expected = kernel_distance(speech[2].embeddings, song[2].embeddings, h).item()
    assert row["value"] == pytest.approx(expected)


def test_options_do_what_they_say() -> None:
    a, b = (Domain(name, domain(n, 1.0, width=8)) for n, name in enumerate("ab"))
    settings = Settings(
        splits=2, intervals=False, permutations=0, fad_permutations=19, infinity=True
    )
    rows, measures = compare_clips(a, b, EMOTIONS, settings)
    assert all(isnan(row["low"]) for row in rows)
    tested = {row["estimator"] for row in rows if not isnan(row["p"])}
    assert tested == {"fad_above_chance", "fad_covariance_above_chance"}
    assert "fad_infinity" in {row["estimator"] for row in rows}
    assert all(isnan(m["low"]) for m in measures)
    different = [
        r["p"]
        for r in rows
        if r["estimator"] == "fad_above_chance"
        and r["x_emotion"] == "calm"
        and r["y_emotion"] == "angry" and r["x_domain"] != r["y_domain"]
    ]  # fmt: skip
    assert different == [pytest.approx(1 / 20)]


@pytest.mark.slow
@pytest.mark.parametrize("together", [True, False], ids=["shared", "disjoint"])
def test_unequal_clips_raise_no_alarm(together: bool) -> None:
    """Neutral has half as many clips of every actor as the other emotions."""
    settings = Settings(
        splits=1, intervals=False, permutations=99, fad_permutations=99, subspace=2
    )
    alarms = {"fad_above_chance": 0, "fad_covariance_above_chance": 0, "kernel": 0}
    for seed in range(100):
        x = Cell(normal(6 * 4, 8, 2 * seed), tuple("abcdef") * 4)
        names = tuple("abcdef" if together else "ghijkl") * 2
        y = Cell(normal(6 * 2, 8, 2 * seed + 1), names)
        rows, _ = compare_clips(Domain("x", [x]), Domain("y", [y]), ["calm"], settings)
        for name in alarms:
            alarms[name] += one(rows, estimator=name, x_domain="x")["p"] <= 0.05
    assert max(alarms.values()) <= 12  # 99.9 % of what 100 tests at 5 % give


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"splits": 0}, "splits is 0"), ({"level": 1.0}, "level is 1"),
     ({"permutations": -1}, "permutations is -1: choose 0 or more")],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: Any, message: str) -> None:
    with pytest.raises(CrossEmoError, match=message):
        Settings(**wrong)


def test_a_reader_is_warned() -> None:
    speech, song = domain(0, 1.0, actors=2, clips=3), domain(1, 1.0, actors=2)
    rows, _ = compare_clips(Domain("a", speech), Domain("b", song), EMOTIONS, QUICK)
    few, unequal, coarse = warnings_of(rows)
    assert "6 clips in 32 dimensions" in few
    assert "6 to 8 clips" in unequal
    assert "With 2 speakers (or songs) nothing can be shown" in coarse
    assert "below 0.5" in coarse
    alone = [Cell(c.embeddings, ("x",) * len(c)) for c in domain(0, 1.0)]
    song = domain(1, 1.0)
    rows, _ = compare_clips(Domain("a", alone), Domain("b", song), EMOTIONS, QUICK)
    assert any("takes two speakers" in sentence for sentence in warnings_of(rows))


def test_q_is_over_the_pairs_of_a_hidden_state() -> None:
    def row(layer: str, p: float, y: str = "b") -> Any:
        names = {"unit": "clip", "layer": layer, "estimator": "kernel"}
        return {**names, "x_domain": "a", "y_domain": y, "p": p}

    rows = [row("0", 0.01), row("0", 0.04), row("1", 0.03), row("0", 0.02, "a")]
    q = [one["q"] for one in corrected(rows)]
    assert q == pytest.approx([0.02, 0.04, 0.03, 0.02])  # 2 · .01 and .04 of two


def test_a_rare_emotion_leaves_the_others_their_measures() -> None:
    x, y = domain(0, 1.0), domain(1, 1.0)
    for cells in (x, y):
        rare = [group in ("actor 0", "actor 1") for group in cells[1].groups]
        cells[1] = Cell(
            4 * cells[1].embeddings[rare],
            tuple(group for group in cells[1].groups if group[-1] in "01"),
        )
    rows, measured = compare_clips(Domain("a", x), Domain("b", y), EMOTIONS, QUICK)
    assert {m["emotion"] for m in measured} == {"", "calm", "sad", "angry"}
    for row in measured:
        if row["measure"] not in ("nearest_emotion", "emotion_bias"):
            assert isnan(row["low"]) == (row["measure"] == "emotion_dependence"), row
    scales = {row["mean_trace"] for row in rows}
    several = Settings(splits=4, permutations=0, intervals=False)
    again, _ = compare_clips(Domain("a", x), Domain("b", y), EMOTIONS, several)
    assert {row["mean_trace"] for row in again} == scales


def test_no_p_is_below_the_least_one() -> None:
    speech, song = domain(0, 4.0), domain(1, 0.0)
    # Five of the eight actors, so that an exchange in sixteen changes nothing.
    rows = [group[-1] in "01234" for group in song[3].groups]
    song[3] = Cell(
        song[3].embeddings[rows] + 5,
        tuple(group for group in song[3].groups if group[-1] in "01234"),
    )
    for seed in range(4):
        settings = Settings(splits=2, permutations=60, seed=seed, intervals=False)
        table, _ = compare_clips(
            Domain("a", speech), Domain("b", song), EMOTIONS, settings
        )
        for row in table:
            if not isnan(row["p"]):
                assert row["p"] >= row["least_p"]
                assert not isnan(row["value"])


def test_clips_that_are_all_alike_have_no_distance_and_no_error() -> None:
    x, y = (
        [Cell(torch.ones(24, 70), tuple("abcdef") * 4) for _ in EMOTIONS] for _ in "xy"
    )
    rows, _ = compare_clips(Domain("a", x), Domain("b", y), EMOTIONS, QUICK)
    assert {row["value"] for row in rows if row["estimator"] == "fad"} == {0}


def test_frames_and_some_pairs_are_spoken_of() -> None:
    x, y = domain(0, 1.0), domain(1, 1.0)
    few = [group[-1] in "012" for group in y[2].groups]
    y[2] = Cell(y[2].embeddings[few], tuple(g for g in y[2].groups if g[-1] in "012"))
    rows, _ = compare_clips(Domain("a", x), Domain("b", y), EMOTIONS, QUICK)
    (few_speakers,) = [one for one in warnings_of(rows) if "can be shown" in one]
    assert few_speakers.startswith("With 3 speakers (or songs) nothing can be shown of")
    assert "of 4 of 16 pairs" in few_speakers
    assert not any("frames" in one for one in warnings_of(rows))
    frame = [row | {"unit": "frame"} for row in rows]
    assert "neither intervals nor p-values" in warnings_of(frame)[0]
    assert "neither intervals nor p-values" in warnings_of(rows + frame)[0]
