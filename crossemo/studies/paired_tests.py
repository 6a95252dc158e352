"""Paired tests of stages against others on the same folds and clips."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan

import torch
from torch import Tensor

from crossemo.metrics.intervals import MIN_GROUPS
from crossemo.metrics.jackknife import jackknife_interval, jackknife_variance
from crossemo.metrics.multiple_tests import benjamini_hochberg
from crossemo.metrics.student import student_p
from crossemo.stages.stage import Stage, chain_of, forgotten_of
from crossemo.studies.crossvalidation import HEAD, Condition, Row
from crossemo.studies.tallies import Pooled, Score, Tally, pool

COLUMNS = (
    *HEAD,
    *("what", "stage", "than", "place", "score", "difference", "low", "high", "p", "q"),
    *("averaged", "folds", "units", "clips", "seeds", "runs", "leak"),
)
UNEVEN = 1.5


@dataclass(frozen=True)
class StagePlan:
    """The stages of a condition, and which of them is what.

    Args:
        condition: The condition.
    """

    condition: Condition

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """The stages in order; of each what it learnt from and where it began."""
        stages = self.condition.runs[0].stages
        return {name: one.plan for name, one in stages.items()}

    @property
    def target(self) -> str | None:
        """The role of the target."""
        return self.condition.runs[0].facts.target

    def is_alone(self, name: str) -> bool:
        """Whether a stage trained on the target alone."""
        stage = self.stages[name]
        first = chain_of(name, self.stages) == (name,) and not stage.starts_elsewhere
        return first and stage.roles(name) == (self.target,)

    def alone(self) -> list[str]:
        """Return the stages that trained on the target alone."""
        return [name for name in self.stages if self.is_alone(name)]

    def kind(self, name: str) -> str | None:
        """Return what a stage is to the target: gain, zero-shot or joint."""
        *before, _ = chain_of(name, self.stages)
        roles = self.stages[name].roles(name)
        seen = {role for one in before for role in self.stages[one].roles(one)}
        if self.is_alone(name) or self.target in seen:
            return None
        if self.target not in roles:
            return "zero-shot"
        return "joint" if len(roles) > 1 else "gain"

    def forgotten(self, name: str, role: str) -> list[str]:
        """Return the earlier stages of a chain that were for another role."""
        pairs = forgotten_of(name, self.stages)
        return [earlier for earlier, of in pairs if of == role]


@dataclass(frozen=True)
class _Side:
    """A stage at a place, by fold and seed."""

    stage: str
    tallies: Mapping[tuple[int, int], Tally]
    names: tuple[str, ...]
    leak: str


def test_rows(conditions: Sequence[Condition]) -> list[Row]:
    """Return differences between stages, with their intervals and p-values.

    `gain`, `zero-shot` and `joint` are differences at the target from the stage that
    trained on the target alone: in the same run or, where the run has none, in one with
    the same settings but its stages. `kept` is a difference at the source from the
    stage before. Both sides judge the same clips in the same folds and seeds.

    `q` is p corrected for the number of tests of one kind of score (all emotions
    together) and of difference, over all conditions and places of a study.

    Args:
        conditions: The conditions, of several studies.
    """
    plans = [StagePlan(one) for one in conditions]
    rows = [row for plan in plans for row in _rows(plan, plans)]
    families: dict[object, list[Row]] = {}
    for row in rows:
        kind = str(row["score"]).partition("/")
        families.setdefault((row["study"], row["what"], kind[:2]), []).append(row)
    for family in families.values():
        p = torch.tensor([row["p"] for row in family], dtype=torch.float64)
        for row, q in zip(family, benjamini_hochberg(p).tolist(), strict=True):
            row["q"] = q
    return rows


def compare(first: Pooled, second: Pooled, score: Score) -> Row:
    """Return how much higher a score of the second is, its interval and p.

    Both are the jackknife's over folds of the difference itself, with Student's t: the
    clips of a fold share the luck of one training, so that their units are no
    independent witnesses. The difference is that of the clips of all folds or, where a
    fold has more than `UNEVEN` times the clips of the mean one, the mean of those of
    the folds, in which each weighs alike. With fewer than three folds nothing is known
    of that luck, and there is neither.

    In simulations of two stages that are alike, with 4 to 24 speakers in 3 to 6 folds,
    one or two seeds and with and without that luck, p was at most 0.05 in 4.4 to 5.3 %
    of studies by kind of table, and with units for folds in 14 % of those with 24
    speakers in 6 folds and luck (`tests/benchmarks/simulate_studies.py`).

    Args:
        first: Sums of some clips.
        second: Sums of the same clips, in the same order of units.
        score: Sums to a score.

    Returns:
        `difference`, `low`, `high`, `p`, and what the difference is `averaged` over:
        `clips` or `folds`.
    """
    sizes = first.fold_clips.double()
    if sizes.max() > UNEVEN * sizes.mean():
        by_fold = second.by_fold(score) - first.by_fold(score)
        by_fold = by_fold[~by_fold.isnan()]
        value = by_fold.mean()
        replicates = (by_fold.sum() - by_fold) / (len(by_fold) - 1)
        averaged = "folds"
    else:
        value = second.value(score) - first.value(score)
        after, before = (one.replicates(score, one.folds) for one in (second, first))
        replicates, averaged = after - before, "clips"
    low = high = p = nan
    if len(replicates) >= MIN_GROUPS:
        low, high = (float(end) for end in jackknife_interval(value, replicates))
        p = _p(value, replicates)
    row = {"difference": float(value), "low": low, "high": high, "p": p}
    return row | {"averaged": averaged}


def _p(value: Tensor, replicates: Tensor) -> float:
    error = jackknife_variance(replicates).sqrt()
    if error > 1e-12:
        return float(student_p(value / error, len(replicates) - 1))
    # Without any spread t says nothing; how many folds have the same sign does.
    return 1.0 if value.abs() < 1e-12 else 2.0 ** (1 - len(replicates))


def _rows(plan: StagePlan, plans: Sequence[StagePlan]) -> Iterator[Row]:
    condition = plan.condition
    measures = condition.runs[0].task.measures()
    for stage, place in condition.places:
        second = _side(condition, stage, place)
        for what, first in _others(plan, plans, stage, place):
            shared = sorted(first.tallies.keys() & second.tallies.keys())
            if not shared:
                continue
            before, after = (
                pool({key: one.tallies[key] for key in shared})
                for one in (first, second)
            )
            for name, measure in measures.items():
                yield {
                    **condition.head,
                    "what": what,
                    "stage": stage,
                    "than": first.stage,
                    "place": place,
                    "score": name,
                    **compare(before, after, measure.score),
                    "q": nan,
                    "folds": before.n_folds,
                    "units": before.n_units,
                    "clips": before.clips,
                    "seeds": len({seed for _, seed in shared}),
                    "runs": tuple(dict.fromkeys((*second.names, *first.names))),
                    "leak": "; ".join(filter(None, (second.leak, first.leak))),
                }


def _others(
    plan: StagePlan, plans: Sequence[StagePlan], stage: str, place: str
) -> Iterator[tuple[str, _Side]]:
    """Yield what a stage is compared with at a place, and as what."""
    role = place.partition("/")[0]
    for earlier in plan.forgotten(stage, role):
        yield "kept", _side(plan.condition, earlier, place)
    what = plan.kind(stage)
    if role == plan.target and what is not None:
        references = [(plan, name) for name in plan.alone()] or _elsewhere(plan, plans)
        if len(references) == 1:
            other, name = references[0]
            if (name, place) in other.condition.places:
                yield what, _side(other.condition, name, place)


def _elsewhere(
    plan: StagePlan, plans: Sequence[StagePlan]
) -> list[tuple[StagePlan, str]]:
    """Return the stages on the target alone in runs of the same settings but stages."""
    setup = plan.condition.runs[0].facts.setup
    return [
        (other, name)
        for other in plans
        if other.condition.runs[0].facts.setup == setup
        for name in other.alone()
    ]


def _side(condition: Condition, stage: str, place: str) -> _Side:
    tallies = condition.at((stage, place))
    return _Side(stage, tallies, condition.names, condition.leak(stage, place))
