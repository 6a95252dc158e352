"""Scores of one run, made of what it said of every clip."""

from collections.abc import Iterator
from typing import Any

import torch

from crossemo.metrics.regression import value_scores
from crossemo.studies.recorded_runs import RecordedRun
from crossemo.studies.tallies import places_of, targets_of

COLUMNS = ("run", "stage", "place", "score", "value", "n", "groups", "leak")


def run_scores(run: RecordedRun) -> Iterator[dict[str, Any]]:
    """Yield the scores of every stage and place, as results.json has them.

    Args:
        run: A run of stages.
    """
    for stage, place, rows in places_of(run):
        decisions, targets = targets_of(rows, run.task)
        if run.task.kind == "values":
            scores = value_scores(decisions, targets, run.task.outputs)
        else:
            sums = run.task.tally(decisions, targets, torch.zeros_like(targets), 1)[0]
            measures = run.task.measures()
            scores = {name: float(one.score(sums)) for name, one in measures.items()}
        for name, value in scores.items():
            yield {
                "run": run.name,
                "stage": stage,
                "place": place,
                "score": name,
                "value": value,
                "n": len(rows),
                "groups": rows["group"].nunique(),
                "leak": run.stages[stage].leak,
            }
