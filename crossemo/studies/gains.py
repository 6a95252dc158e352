"""What transfer gained and how far domains lay apart, emotion by emotion and fold."""

from collections.abc import Hashable, Sequence

import pandas as pd
import torch
from torch import Tensor

WITH, WITHOUT = "target", "target_only"  # stages of `configs/stages/gain.yaml`
SOURCE, TARGET = "source", "target"  # roles


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
    rows = predictions[predictions["place"] == TARGET].dropna(subset=["true"])
    right = (rows["true"] == rows["predicted"]).astype(float)
    table = rows.assign(right=right).pivot_table("right", keys, "stage")
    both = table.reindex(columns=[WITH, WITHOUT]).dropna()
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
    rows = distances[
        distances["stage"].isin(["before", "validate"])
        & (distances["unit"] == "clip")
        & (distances["estimator"] == estimator)
        & (distances["x_domain"] == SOURCE)
        & (distances["y_domain"] == TARGET)
        & (distances["x_emotion"] == distances["y_emotion"])
    ]
    scaled = {"by_trace": "distance", "by_trace_low": "low", "by_trace_high": "high"}
    plain = {"value": "distance", "low": "low", "high": "high"}
    names = plain if estimator == "kernel" else scaled
    columns = rows[[*names]].rename(columns=names).astype(float)
    keys = rows[["fold", "part"]].assign(
        layer=rows["layer"].astype(str), emotion=rows["x_emotion"]
    )
    by = ["fold", "part", "layer", "emotion"]
    means = pd.concat([keys, columns], axis=1).groupby(by, sort=False).mean()
    return means.reset_index()


def table_of(
    rows: pd.DataFrame, value: str, folds: Sequence[Hashable], emotions: Sequence[str]
) -> Tensor:
    """Return the means of a value, `(folds, emotions)` float64, NaN where there is none.

    Args:
        rows: With `fold`, `emotion` and the value.
        value: Name of the column.
        folds: The folds, in order.
        emotions: The emotions, in order.
    """
    means = rows.pivot_table(value, "fold", "emotion")
    ordered = means.reindex(index=list(folds), columns=list(emotions))
    return torch.tensor(ordered.to_numpy(dtype=float))
