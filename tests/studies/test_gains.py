import pandas as pd
import pytest

from crossemo.studies.gains import clip_gains, same_emotion


def predictions(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    columns = ["run", "stage", "clip", "true", "predicted"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(place="target", group="one", fold=0)


def test_a_clip_gains_the_mean_over_runs_of_what_transfer_had_right() -> None:
    table = predictions(
        ("first", "target", "a", "sad", "sad"),
        ("first", "target_only", "a", "sad", "calm"),
        ("second", "target", "a", "sad", "sad"),
        ("second", "target_only", "a", "sad", "sad"),
        ("first", "target", "b", "calm", "sad"),
        ("first", "target_only", "b", "calm", "calm"),
        # of one stage alone, and of a stage that has nothing to do with it
        ("second", "target", "b", "calm", "calm"),
        ("first", "source", "a", "sad", "calm"),
    )
    gains = clip_gains(table).set_index("clip")
    assert gains.loc["a", "gain"] == pytest.approx((1 + 0) / 2)
    assert gains.loc["b", "gain"] == -1
    assert list(gains["emotion"]) == ["sad", "calm"]


def test_clips_of_the_source_and_clips_without_an_emotion_gain_nothing() -> None:
    table = predictions(
        ("first", "target", "a", "sad", "sad"),
        ("first", "target_only", "a", "sad", "calm"),
    )
    assert clip_gains(table.assign(place="source")).empty
    assert clip_gains(table.assign(true=None)).empty
    values = table.drop(columns=["true", "predicted"]).assign(valence_true=0.5)
    assert clip_gains(values).empty
    assert clip_gains(table[table["stage"] == "target"]).empty


def distances(**columns: object) -> pd.DataFrame:
    row = {
        "stage": "before",
        "unit": "clip",
        "estimator": "fad_above_chance",
        "x_domain": "source",
        "x_emotion": "sad",
        "y_domain": "target",
        "y_emotion": "sad",
        "part": "test",
        "layer": 3,
        "fold": 1,
        "value": 8.0,
        "low": 6.0,
        "high": 9.0,
        "by_trace": 0.4,
        "by_trace_low": 0.3,
        "by_trace_high": 0.5,
    }
    return pd.DataFrame([row | columns])


def test_distances_are_of_the_same_emotion_before_training() -> None:
    others = [
        distances(stage="target", by_trace=9),
        distances(unit="frame", by_trace=9),
        distances(estimator="fad", by_trace=9),
        distances(y_emotion="calm", by_trace=9),
        distances(y_domain="source", by_trace=9),
    ]
    table = pd.concat([distances(), distances(by_trace=0.6), *others])
    (row,) = same_emotion(table, "fad_above_chance").to_dict("records")
    ends = {"low": pytest.approx(0.3), "high": pytest.approx(0.5)}
    place = {"fold": 1, "part": "test", "layer": "3", "emotion": "sad"}
    assert row == place | ends | {"distance": pytest.approx(0.5)}


def test_the_kernel_distance_has_no_trace() -> None:
    table = distances(estimator="kernel", by_trace=None)
    assert same_emotion(table, "kernel")["distance"].item() == 8
