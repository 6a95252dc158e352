"""What transfer gained and how far domains lay apart, emotion by emotion."""

import pandas as pd

WITH, WITHOUT = "target", "target_only"  # stages of `configs/stages/gain.yaml`
SOURCE, TARGET = "source", "target"  # roles
_BEFORE = {"stage": "before", "unit": "clip", "x_domain": SOURCE, "y_domain": TARGET}
_SCALED = ("by_trace", "by_trace_low", "by_trace_high")
_PLAIN = ("value", "low", "high")


def clip_gains(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return by how much oftener transfer had each clip of the target right.

    Args:
        predictions: Rows of `predictions.csv` of one condition, with `run` and `fold`.

    Returns:
        `fold`, `group`, `clip`, `emotion` and `gain`, -1 to 1, a mean over the runs
        (seeds) that tested the clip after both stages. The mean of a fold's or of all
        clips of an emotion is the difference of recalls.
    """
    keys = ["run", "fold", "group", "clip", "true"]
    columns = [*keys, "stage", "place", "predicted"]
    table = predictions.reindex(columns=columns)  # none of them where values are learnt
    rows = table[table["place"] == TARGET].dropna(subset=["true"])
    right = (rows["true"] == rows["predicted"]).astype(float)
    of_stages = rows.assign(right=right).pivot_table("right", keys, "stage")
    both = of_stages.reindex(columns=[WITH, WITHOUT]).dropna()
    gain = (both[WITH] - both[WITHOUT]).rename("gain")
    means = gain.groupby(keys[1:]).mean().reset_index()
    return means.rename(columns={"true": "emotion"})


def same_emotion(distances: pd.DataFrame, estimator: str) -> pd.DataFrame:
    """Return how far speech and music of the same emotion lie apart before training.

    Args:
        distances: Rows of `fad.csv` with `run` and `fold`.
        estimator: A Fréchet distance, in units of the mean trace, or `kernel`.

    Returns:
        `fold`, `part`, `layer`, `emotion`, `distance`, `low`, `high`, means over runs.
    """
    wanted = _BEFORE | {"estimator": estimator}
    names = _PLAIN if estimator == "kernel" else _SCALED
    keys = ["fold", "part", "layer", "emotion"]
    table = distances.rename(columns={"x_emotion": "emotion"})
    table = table.reindex(columns=[*wanted, *keys, "y_emotion", *names])
    same = table["emotion"] == table["y_emotion"]
    rows = table[(table[[*wanted]] == pd.Series(wanted)).all(axis=1) & same]
    values = rows[[*names]].astype(float).set_axis(["distance", "low", "high"], axis=1)
    labelled = rows[keys].astype({"layer": str})
    means = labelled.join(values).groupby(keys, sort=False).mean()
    return means.reset_index()
