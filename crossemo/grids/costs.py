"""The runs of a plan in a table, and what those that are left would cost."""

from collections.abc import Mapping
from statistics import mean

from rich.table import Table
from rich.text import Text

from crossemo.grids.home import outcome_in
from crossemo.grids.live import span
from crossemo.grids.outcome import Outcome
from crossemo.grids.plan import Plan, Run
from crossemo.report.tables import plain_table

REPEATED = ("fold", "seed")  # axes over which a run takes as long


def runs_table(plan: Plan) -> Table:
    """Return a row for each run, with what became of it so far."""
    table = plain_table()
    for column in ("run", "state", ""):
        table.add_column(column)
    outcomes = outcomes_of(plan)
    for run in plan.runs:
        state, more = _state(plan, run, outcomes.get(run.digest))
        table.add_row(Text(run.label), Text(state), Text(more))
    return table


def outcomes_of(plan: Plan) -> dict[str, Outcome]:
    """Return what became of the runs that ended, by digest."""
    outcomes = {run.digest: outcome_in(plan.home_of(run)) for run in plan.runs}
    return {digest: one for digest, one in outcomes.items() if one is not None}


def _state(plan: Plan, run: Run, outcome: Outcome | None) -> tuple[str, str]:
    if outcome is not None:
        more = span(outcome.seconds) if outcome.done else outcome.sentence
        return outcome.state, more or ""
    begun = any(plan.home_of(run).glob("version_*"))
    return ("begun" if begun else "to run"), ""


def costs(plan: Plan) -> str:
    """Return in a sentence how much is left and how long it would take.

    A run is taken to last as long as those of other folds and seeds did on average;
    where none is done, as all of the grid did.
    """
    outcomes = outcomes_of(plan)
    left = [
        run
        for run in plan.runs
        if (outcome := outcomes.get(run.digest)) is None or not outcome.done
    ]
    count = f"{len(plan.runs)} runs, {len(left)} of them to run"
    seconds = {key: one.seconds for key, one in outcomes.items() if one.done}
    if not left:
        return f"{len(plan.runs)} runs, all of them done."
    if not seconds:
        return f"{count}; none is done, so nobody knows yet how long they take."
    total = sum(_seconds(run, plan, seconds) for run in left)
    return (
        f"{count}: about {span(total)} one after another, as the {len(seconds)} that "
        "are done took."
    )


def _seconds(run: Run, plan: Plan, seconds: Mapping[str, float]) -> float:
    alike = [
        seconds[one.digest]
        for one in plan.runs
        if one.digest in seconds and _kind(one) == _kind(run)
    ]
    return mean(alike or seconds.values())


def _kind(run: Run) -> dict[str, str]:
    return {axis: v for axis, v in run.axes.items() if axis not in REPEATED}
