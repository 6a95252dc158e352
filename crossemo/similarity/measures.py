"""Measures of a hidden state, the rows of `similarity.csv`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from crossemo.metrics.jackknife import jackknife_interval
from crossemo.similarity.bias import (
    Estimate,
    emotion_bias,
    emotion_deviations,
    nearest_emotion,
    same_emotion_gap,
)
from crossemo.similarity.settings import Settings
from crossemo.similarity.tables import Row, Table

# Estimators that don't measure how few clips there are.
UNBIASED = ("fad_above_chance", "kernel")


def measures(
    tables: Mapping[str, Table],
    emotions: Sequence[str],
    scale: float,
    settings: Settings,
) -> list[Row]:
    """Return bias, gap and nearest emotions, by each estimator of `UNBIASED`.

    Emotions that either domain lacks are left out; with fewer than two there is no row.

    Args:
        tables: Estimates across the domains.
        emotions: Their names.
        scale: The layer's mean trace, by which Fréchet distances are divided.
        settings: How to estimate.
    """
    rows = []
    for estimator in UNBIASED:
        unit = scale if estimator.startswith("fad") else 1.0
        rows += [
            {
                "estimator": estimator,
                "measure": measure,
                "emotion": emotion,
                **asdict(estimate),
                "chance": chance,
            }
            for measure, emotion, estimate, chance in _measures(
                tables[estimator], emotions, unit, settings.level
            )
        ]
    return rows


def _measures(
    table: Table, emotions: Sequence[str], unit: float, level: float
) -> list[tuple[str, str, Estimate, float]]:
    """Return the measures of a table: name, emotion, estimate and level of chance."""
    assert table.replicates is not None
    present = (~table.value.diagonal().isnan()).nonzero().flatten()
    if len(present) < 2:
        return []
    value = table.value[present][:, present] / unit
    replicates = table.replicates[:, present][:, :, present] / unit
    same, same_replicates = value.diagonal(), replicates.diagonal(dim1=1, dim2=2)
    mean = same.mean()
    ends = jackknife_interval(mean, same_replicates.mean(1), level)
    deviations = emotion_deviations(same, same_replicates, level)
    names = [emotions[index] for index in present.tolist()]
    none = float("nan")
    distance = Estimate(*map(float, (mean, *ends)))
    return [
        ("same_emotion_distance", "", distance, none),
        ("same_emotion_gap", "", same_emotion_gap(value, replicates, level), 0.0),
        ("nearest_emotion", "", nearest_emotion(value), 1 / len(present)),
        ("emotion_bias", "", emotion_bias(same, same_replicates, level), none),
        *(
            ("deviation", name, deviation, none)
            for name, deviation in zip(names, deviations, strict=True)
        ),
    ]
