"""What stages gained and what they kept, from predictions on the same clips."""

from collections.abc import Iterator, Mapping
from typing import Any

from crossemo.data.gathering import Judged
from crossemo.stages.stage import Stage, baseline_of, forgotten_of
from crossemo.tasks import Task


def comparisons(
    judged: Mapping[tuple[str, str], Judged], stages: Mapping[str, Stage], task: Task
) -> list[dict[str, Any]]:
    """Compare the stages of a run on the test clips.

    Args:
        judged: By stage and role.
        stages: The stages of the run.
        task: What was learnt.

    Returns:
        The headline score of every stage less that of another: of the one that trained
        on the same data alone (`gain`), and, on their data, of the stages before it
        (`kept`; below zero where it forgot). With their intervals.
    """
    rows = []
    for what, stage, than, role in _pairs(stages):
        for tested, name in judged:  # a role, and each corpus of several in it
            if tested == than and name.partition("/")[0] == role:
                row = {"what": what, "stage": stage, "than": than, "role": name}
                if second := judged.get((stage, name)):
                    first = judged[than, name]
                    rows.append(row | _difference(first, second, task))
    return rows


def _pairs(stages: Mapping[str, Stage]) -> Iterator[tuple[str, str, str, str]]:
    for name, stage in stages.items():
        if alone := baseline_of(name, stages):
            for role in stage.roles(name):
                yield "gain", name, alone, role
        for earlier, role in forgotten_of(name, stages):
            yield "kept", name, earlier, role


def _difference(first: Judged, second: Judged, task: Task) -> dict[str, Any]:
    return task.difference(
        first.predictions, second.predictions, first.targets, first.units
    )
