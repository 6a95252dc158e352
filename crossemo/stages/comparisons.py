"""What stages gained and what they kept, from predictions on the same clips."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from crossemo.metrics.differences import difference_interval
from crossemo.metrics.intervals import clip_counts
from crossemo.metrics.recognition import unweighted_recall
from crossemo.stages.stage import Stage, baseline_of, forgotten_of


@dataclass(frozen=True)
class Judged:
    """What a model said of the test clips of a role.

    Args:
        labels: `(clips,)` class indices.
        predictions: `(clips,)` class indices.
        groups: Group of each clip.
    """

    labels: Tensor
    predictions: Tensor
    groups: Sequence[str]


def comparisons(
    judged: Mapping[tuple[str, str], Judged], stages: Mapping[str, Stage], classes: int
) -> list[dict[str, Any]]:
    """Compare the stages of a run on the test clips.

    Args:
        judged: By stage and role.
        stages: The stages of the run.
        classes: Number of classes.

    Returns:
        The UA of every stage less that of another: of the one that trained on the same
        data alone (`gain`), and, on their data, of the stages before it (`kept`; below
        zero where it forgot). With their intervals.
    """
    rows = []
    for what, stage, than, role in _pairs(stages):
        first, second = judged.get((than, role)), judged.get((stage, role))
        if first is not None and second is not None:
            row = {"what": what, "stage": stage, "than": than, "role": role}
            rows.append(row | _difference(first, second, classes))
    return rows


def _pairs(stages: Mapping[str, Stage]) -> Iterator[tuple[str, str, str, str]]:
    for name, stage in stages.items():
        if alone := baseline_of(name, stages):
            for role in stage.roles(name):
                yield "gain", name, alone, role
        for earlier, role in forgotten_of(name, stages):
            yield "kept", name, earlier, role


def _difference(first: Judged, second: Judged, classes: int) -> dict[str, Any]:
    counts = [
        clip_counts(one.labels, one.predictions, one.groups, classes).sum(0)
        for one in (first, second)
    ]
    interval = difference_interval(
        first.labels, first.predictions, second.predictions, first.groups, classes
    )
    return {
        "UA": float(unweighted_recall(counts[1]) - unweighted_recall(counts[0])),
        "UA_interval": [interval.low, interval.high],
        "UA_interval_unit": interval.unit,
    }
