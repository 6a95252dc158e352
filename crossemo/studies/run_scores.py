"""Scores of one run, made of what it said of every clip."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crossemo.metrics.regression import value_scores
from crossemo.studies.recorded_runs import RecordedRun
from crossemo.studies.tallies import Tally, targets_of

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("run", "stage", "place", "score", "value", "n", "groups", "leak")


def score_rows(
    run: RecordedRun, tallies: Mapping[tuple[str, str], Tally]
) -> Iterator[dict[str, Any]]:
    """Yield the scores of every stage and place, as results.json has them.

    Args:
        run: A run of stages.
        tallies: Its sums.
    """
    for (stage, place), tally in tallies.items():
        for name, value in _scores(run, stage, place, tally).items():
            yield {
                "run": run.name,
                "stage": stage,
                "place": place,
                "score": name,
                "value": value,
                "n": tally.clips,
                "groups": len(tally.units),
                "leak": run.stages[stage].leak_at(place),
            }


def _scores(run: RecordedRun, stage: str, place: str, tally: Tally) -> dict[str, float]:
    if run.task.kind == "values":  # which sums give but for the last digits
        rows = _rows(run.predictions, stage, place, run.several)
        return value_scores(*targets_of(rows, run.task), run.task.outputs)
    total = tally.sums.sum(0)
    return {name: float(one.score(total)) for name, one in run.task.measures().items()}


def _rows(
    predictions: "DataFrame", stage: str, place: str, several: tuple[str, ...]
) -> "DataFrame":
    role, _, corpus = place.partition("/")
    if role not in several or not corpus:
        role, corpus = place, ""
    of = (predictions["stage"] == stage) & (predictions["place"] == role)
    return predictions[of & (predictions["corpus"] == corpus) if corpus else of]
