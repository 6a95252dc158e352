"""The cross-validation view: scores over folds and seeds, with intervals over units."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from crossemo.metrics.intervals import MIN_GROUPS
from crossemo.metrics.jackknife import jackknife_interval
from crossemo.metrics.measure import Measure
from crossemo.studies.recorded_runs import RecordedRun
from crossemo.studies.tallies import Pooled, Score, Tally, pool

if TYPE_CHECKING:
    from pandas import DataFrame

Row = dict[str, Any]
Place = tuple[str, str]
HEAD = ("study", "condition", "encoder", "strategy", "source", "target", "task")
COLUMNS = (
    *HEAD,
    *("stage", "place", "score", "value", "fold_mean", "fold_sd", "low", "high"),
    *("clips", "units", "folds", "seeds", "runs", "leak"),
)


@dataclass(frozen=True)
class Condition:
    """The runs of one condition, each seed with the same folds.

    Args:
        runs: The runs.
        tallies: The sums of each, by stage and place.
    """

    runs: Sequence[RecordedRun]
    tallies: Sequence[Mapping[Place, Tally]]

    @property
    def head(self) -> Row:
        """The columns that name the condition."""
        facts = self.runs[0].facts
        ids = {"study": facts.study, "condition": facts.condition}
        return ids | {name: facts.columns[name] for name in HEAD[2:]}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the runs."""
        return tuple(run.name for run in self.runs)

    @property
    def places(self) -> list[Place]:
        """Stages and places that every run has."""
        first, *others = self.tallies
        return [one for one in first if all(one in other for other in others)]

    def at(self, place: Place) -> dict[tuple[int, int], Tally]:
        """Return the sums at a place by fold and seed."""
        pairs = zip(self.runs, self.tallies, strict=True)
        return {(run.fold, run.seed): one[place] for run, one in pairs}

    def leak(self, stage: str, place: str) -> str:
        """Return the marks of leaks of a stage's tests in a place."""
        marks = (run.stages[stage].leak_at(place) for run in self.runs)
        return "; ".join(dict.fromkeys(filter(None, marks)))


def conditions_of(
    runs: Sequence[RecordedRun], tallies: Mapping[str, Mapping[Place, Tally]]
) -> list[Condition]:
    """Return runs by condition, in order of appearance."""
    names = dict.fromkeys(run.facts.condition for run in runs)
    of = {name: [r for r in runs if r.facts.condition == name] for name in names}
    return [
        Condition(some, [tallies[run.name] for run in some]) for some in of.values()
    ]


def fold_rows(conditions: Sequence[Condition]) -> list[Row]:
    """Return a row for every condition, stage, place and score.

    `value` is the score of the clips of all folds together, averaged over seeds;
    `fold_mean` and `fold_sd` are the mean and the standard deviation over folds of the
    scores of each, averaged over seeds.

    Args:
        conditions: The conditions.
    """
    return [row for one in conditions for row in _rows(one)]


def pooled_interval(pooled: Pooled, score: Score) -> tuple[Tensor, Tensor]:
    """Return the wider of the jackknife's intervals over units and over folds.

    Units of a fold share the luck of its training, which an interval over units alone
    misses; one of a few folds alone is narrow now and then by chance.

    Args:
        pooled: Sums of all folds.
        score: Sums to a score.

    Returns:
        Lower and upper end, `()` each; NaN with fewer than three units.
    """
    value = pooled.value(score)
    ends = [
        jackknife_interval(value, pooled.replicates(score, blocks))
        for blocks in (pooled.units, pooled.folds)
        if len(set(blocks.tolist())) >= MIN_GROUPS
    ]
    none = torch.tensor(nan, dtype=value.dtype)
    return max(ends, key=lambda pair: float(pair[1] - pair[0]), default=(none, none))


def confusions(
    conditions: Sequence[Condition],
) -> dict[tuple[str, str, str], "DataFrame"]:
    """Return confusion matrices of the clips of all folds and seeds.

    Returns:
        By condition, stage and place; rows are targets, columns predictions.
    """
    from pandas import DataFrame

    matrices = {}
    for condition in conditions:
        task = condition.runs[0].task
        if task.kind != "classes":
            continue
        for stage, place in condition.places:
            counts = pool(condition.at((stage, place))).sums.sum((0, 1)).long()
            frame = DataFrame(counts.numpy(), task.outputs, task.outputs)
            matrices[condition.runs[0].facts.condition, stage, place] = frame
    return matrices


def _rows(condition: Condition) -> Iterator[Row]:
    measures = condition.runs[0].task.measures()
    seeds = len({run.seed for run in condition.runs})
    for stage, place in condition.places:
        pooled = pool(condition.at((stage, place)))
        for name, measure in measures.items():
            yield {
                **condition.head,
                "stage": stage,
                "place": place,
                "score": name,
                **_statistics(pooled, measure),
                "clips": pooled.clips,
                "units": pooled.n_units,
                "folds": pooled.n_folds,
                "seeds": seeds,
                "runs": condition.names,
                "leak": condition.leak(stage, place),
            }


def _statistics(pooled: Pooled, measure: Measure) -> Row:
    score, least, most = measure
    value, by_fold = pooled.value(score), pooled.by_fold(score)
    low, high = (
        float(end.clamp(least, most)) for end in pooled_interval(pooled, score)
    )
    there = by_fold[~by_fold.isnan()]
    return {
        "value": float(value),
        "fold_mean": float(there.mean()),
        "fold_sd": float(there.std()) if len(there) > 1 else nan,
        "low": low,
        "high": high,
    }
