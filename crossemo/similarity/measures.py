"""What the distances between emotions say of a hidden state."""

from collections.abc import Mapping, Sequence

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

# Those that don't measure how few clips there are.
JUDGED = ("fad_above_chance", "kernel")


def measures(
    tables: Mapping[str, Table],
    emotions: Sequence[str],
    scale: float,
    settings: Settings,
) -> list[Row]:
    """Return bias, gap and nearest emotions, by each estimator of `JUDGED`.

    Emotions that either domain lacks are left out; of fewer than two there is nothing
    to tell.

    Args:
        tables: Estimates across the domains.
        emotions: Their names.
        scale: The layer's mean trace, that Fréchet distances are divided by.
        settings: How to estimate.
    """
    rows = []
    for estimator in JUDGED:
        unit = scale if estimator.startswith("fad") else 1.0
        rows += [
            {
                "estimator": estimator,
                "measure": measure,
                "emotion": emotion,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "p": found.p,
                "chance": chance,
            }
            for measure, emotion, found, chance in _measures(
                tables[estimator], emotions, unit, settings.level
            )
        ]
    return rows


def _measures(
    table: Table, emotions: Sequence[str], unit: float, level: float
) -> list[tuple[str, str, Estimate, float]]:
    assert table.replicates is not None
    known = (~table.value.diagonal().isnan()).nonzero().flatten()
    if len(known) < 2:
        return []
    value = table.value[known][:, known] / unit
    replicates = table.replicates[:, known][:, :, known] / unit
    same, same_replicates = value.diagonal(), replicates.diagonal(dim1=1, dim2=2)
    middle = same.mean()
    ends = jackknife_interval(middle, same_replicates.mean(1), level)
    deviations = emotion_deviations(same, same_replicates, level)
    names = [emotions[index] for index in known.tolist()]
    none = float("nan")
    return [
        ("same_emotion_distance", "", Estimate(*map(float, (middle, *ends))), none),
        ("same_emotion_gap", "", same_emotion_gap(value, replicates, level), 0.0),
        ("nearest_emotion", "", nearest_emotion(value), 1 / len(known)),
        ("emotion_bias", "", emotion_bias(same, same_replicates, level), none),
        *(
            ("deviation", name, deviation, none)
            for name, deviation in zip(names, deviations, strict=True)
        ),
    ]
