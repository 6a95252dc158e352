"""What many runs say together: tables of their scores, tests and distances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crossemo.data.marks import gravest
from crossemo.studies import certainty, crossvalidation, paired_tests, run_scores
from crossemo.studies.comparability import comparable
from crossemo.studies.crossvalidation import (
    Row,
    conditions_of,
    confusions,
    fold_rows,
)
from crossemo.studies.recorded_runs import RecordedRun, read_run
from crossemo.studies.run_files import RunFileError
from crossemo.studies.run_folders import RunFolder, run_folders
from crossemo.studies.tallies import tally_run

if TYPE_CHECKING:
    from pandas import DataFrame

HEAD = (
    *("run", "study", "condition", "encoder", "strategy", "source", "target", "task"),
    *("fold", "seed"),
)


@dataclass(frozen=True)
class Findings:
    """What runs say together, as tables.

    Args:
        runs: A row for every run, whatever its state: `run`, `folder`, `state`,
            `sentence`, `kind` and, of what could be read, what it is of.
        scores: Scores of every run, stage and place: `run`, `stage`, `place`, `score`,
            `value`, `n`, `groups`, `leak`.
        predictions: A row for every run, stage and test clip; `place` is the role.
        folds: The cross-validation view, see `fold_rows`.
        tests: Paired tests, see `test_rows`.
        certainty: Bins of reliability diagrams, see `certainty_rows`.
        exclusions: `run` and the `reason` why it isn't averaged.
        confusions: By condition, stage and place, over all folds and seeds.
        distances: fad.csv of all runs.
        bias: similarity.csv of all runs.
        layers: layers.csv of all runs.
        weights: Learnt shares of hidden states: `stage`, `layer`, `weight`.
    """

    runs: "DataFrame"
    scores: "DataFrame"
    predictions: "DataFrame"
    folds: "DataFrame"
    tests: "DataFrame"
    certainty: "DataFrame"
    exclusions: "DataFrame"
    confusions: "Mapping[tuple[str, str, str], DataFrame]"
    distances: "DataFrame"
    bias: "DataFrame"
    layers: "DataFrame"
    weights: "DataFrame"


def findings_of(paths: Sequence[str | Path]) -> Findings:
    """Return what the runs below some folders say together.

    Args:
        paths: Folders of grids, or any with runs below them.

    Raises:
        CrossEmoError: One is no folder, or holds no run.
    """
    from pandas import DataFrame

    folders = run_folders(paths)
    runs, reasons = _read(folders)
    runs = _alike(runs)
    trained = [run for run in runs if run.facts.kind == "stages"]
    counted, others = comparable(trained)
    reasons |= others
    tallies = {run.name: tally_run(run) for run in trained}
    conditions = conditions_of(counted, tallies)
    scores = [
        row for run in trained for row in run_scores.score_rows(run, tallies[run.name])
    ]
    weights = [row for run in trained for row in _weights(run)]
    return Findings(
        runs=_runs(folders, runs, reasons),
        scores=DataFrame(scores, columns=run_scores.COLUMNS),
        predictions=_stacked({run.name: run.predictions for run in trained}),
        folds=DataFrame(fold_rows(conditions), columns=crossvalidation.COLUMNS),
        tests=DataFrame(
            paired_tests.test_rows(conditions), columns=paired_tests.COLUMNS
        ),
        certainty=DataFrame(
            certainty.certainty_rows(conditions), columns=certainty.COLUMNS
        ),
        exclusions=DataFrame(list(reasons.items()), columns=["run", "reason"]),
        confusions=confusions(conditions),
        distances=_long(runs, "fad"),
        bias=_long(runs, "similarity"),
        layers=_long(runs, "layers"),
        weights=DataFrame(weights, columns=(*HEAD, "stage", "layer", "weight")),
    )


def _read(folders: Sequence[RunFolder]) -> tuple[list[RecordedRun], dict[str, str]]:
    """Return the runs that are done, and why others are not."""
    runs: list[RecordedRun] = []
    reasons: dict[str, str] = {}
    for folder in folders:
        if folder.state != "done":
            reasons[folder.name] = folder.sentence
            continue
        try:
            runs.append(read_run(folder))
        except RunFileError as error:
            reasons[folder.name] = f"{error.kind}: {error}"
    return runs, reasons


def _alike(runs: Sequence[RecordedRun]) -> list[RecordedRun]:
    """Return runs whose encoder has one name in all of a condition.

    It bears the gravest sign of any, as averages over the condition are of all.
    """
    names: dict[str, list[str]] = {}
    for run in runs:
        of_condition = names.setdefault(run.facts.condition, [])
        of_condition.append(str(run.facts.columns["encoder"]))
    columns = [
        {**run.facts.columns, "encoder": gravest(names[run.facts.condition])}
        for run in runs
    ]
    return [
        replace(run, facts=replace(run.facts, columns=one))
        for run, one in zip(runs, columns, strict=True)
    ]


def _runs(
    folders: Sequence[RunFolder],
    runs: Sequence[RecordedRun],
    reasons: Mapping[str, str],
) -> "DataFrame":
    from pandas import DataFrame

    by_name = {run.name: run for run in runs}
    rows = []
    for folder in folders:
        run = by_name.get(folder.name)
        state = folder.state
        if state == "done" and run is None:
            unfinished = reasons[folder.name].startswith("unfinished")
            state = "running" if unfinished else "failed"
        row: Row = {
            "run": folder.name,
            "folder": str(folder.folder or ""),
            "state": state,
            "sentence": reasons.get(folder.name, ""),
        }
        if run is not None:
            facts = run.facts
            row |= {**facts.columns, "condition": facts.condition, "study": facts.study}
        if folder.seconds is not None:
            row["seconds"] = folder.seconds
        rows.append(row)
    table = DataFrame(rows)
    numbers = {name: "Int64" for name in ("fold", "seed") if name in table}
    return table.astype(numbers)


def _head(run: RecordedRun) -> dict[str, Any]:
    ids = {"study": run.facts.study, "condition": run.facts.condition}
    columns = {"run": run.name, **ids, **run.facts.columns}
    return {name: columns[name] for name in HEAD}


def _stacked(tables: Mapping[str, "DataFrame"]) -> "DataFrame":
    """Return tables below one another, with the name of each one's run in front."""
    from pandas import DataFrame, Series, concat
    from pandas.api.types import union_categoricals

    parts = {name: one for name, one in tables.items() if len(one)}
    if not parts:
        return DataFrame(columns=["run"])
    texts: dict[str, Any] = {
        str(column): union_categoricals([one[column] for one in parts.values()])
        for column in next(iter(parts.values()))
        if all(str(one.get(column, one).dtypes) == "category" for one in parts.values())
    }
    plain = [one.drop(columns=list(texts)) for one in parts.values()]
    table = concat(plain, ignore_index=True).assign(**texts)
    runs = Series(np.repeat(list(parts), [len(one) for one in parts.values()]))
    order = dict.fromkeys(column for one in parts.values() for column in one)
    return table.assign(run=runs.astype("category"))[["run", *order]]


def _long(runs: Sequence[RecordedRun], name: str) -> "DataFrame":
    """Return one of the tables of all runs, with what each run is of in front."""
    table = _stacked({r.name: r.tables[name] for r in runs if name in r.tables})
    heads = {run.name: _head(run) for run in runs}
    for place, column in enumerate(HEAD[1:], 1):
        values = {run: head[column] for run, head in heads.items()}
        table.insert(place, column, table["run"].astype(object).map(values))
    return table


def _weights(run: RecordedRun) -> list[Row]:
    return [
        {**_head(run), "stage": stage, "layer": layer, "weight": weight}
        for stage, test in run.stages.items()
        for layer, weight in enumerate(test.layer_weights)
    ]
