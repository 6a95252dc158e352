"""Runs as they were recorded: their facts and tables, read and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crossemo.studies.run_facts import RunFacts, run_facts
from crossemo.studies.run_files import (
    RunFileError,
    UnfinishedRunError,
    read_json,
    read_settings,
    read_table,
)
from crossemo.studies.run_folders import RunFolder
from crossemo.tasks import Task

if TYPE_CHECKING:
    from pandas import DataFrame

_NAMES = ("stage", "role", "corpus", "clip", "group")
_OF_CLIPS = ("role", "corpus", "clip", "group", "part")
# Columns of tables that are text, also where they look like numbers.
_TEXTS = (
    *("stage", "part", "unit", "layer", "estimator", "measure", "emotion", "leak"),
    *("x_domain", "x_emotion", "y_domain", "y_emotion"),
    *("trained_on", "judged_on", "scaler", "labels", "score", "view", "kind"),
)
_TABLES = ("fad", "similarity", "layers")


@dataclass(frozen=True)
class RecordedRun:
    """A run that is done.

    Args:
        place: Where it lies and what it is called.
        facts: What it is of.
        results: The content of results.json.
        predictions: A row for every stage and test clip; without rows where nothing
            was recognised.
        split: The part of every clip.
        tables: `fad`, `similarity` and `layers`, as far as they are there.
    """

    place: RunFolder
    facts: RunFacts
    results: Mapping[str, Any]
    predictions: "DataFrame"
    split: "DataFrame"
    tables: Mapping[str, "DataFrame"] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the run is called."""
        return self.place.name

    @property
    def task(self) -> Task:
        """What was learnt."""
        assert self.facts.task is not None  # but of distances alone
        return self.facts.task

    @property
    def fold(self) -> int:
        """The fold that was tested; 0 where the split was given."""
        return int(self.facts.columns["fold"] or 0)

    @property
    def seed(self) -> int:
        """The seed of everything random."""
        return int(self.facts.columns["seed"] or 0)


def read_run(place: RunFolder) -> RecordedRun:
    """Return what a run has left.

    Raises:
        RunFileError: It is not finished, or a file is damaged, missing or foreign.
    """
    assert place.folder is not None
    results = read_json(place.folder / "results.json")
    settings = read_settings(place.folder / "config.yaml")
    facts = run_facts(results, settings)
    split = read_table(place.folder / "split.csv", _OF_CLIPS, _OF_CLIPS)
    _check_columns(split, _OF_CLIPS, "split.csv")
    predictions = split.iloc[:0]
    if facts.kind == "stages":
        _check_stages(results, settings)
        predictions = _predictions(place, facts)
        _check_scores(results, predictions)
    tables = {
        name: read_table(path, _TEXTS)
        for name in _TABLES
        if (path := place.folder / f"{name}.csv").exists()
    }
    if facts.kind == "layers" and "layers" not in tables:
        raise UnfinishedRunError("layers.csv isn't there")
    return RecordedRun(place, facts, results, predictions, split, tables)


def _predictions(place: RunFolder, facts: RunFacts) -> "DataFrame":
    """Return true and predicted targets of every stage and test clip."""
    assert place.folder is not None
    assert facts.task is not None
    values = facts.task.kind == "values"
    targets = (
        [f"{one}_{end}" for one in facts.task.outputs for end in ("true", "predicted")]
        if values
        else ["true", "predicted"]
    )
    columns = [*_NAMES, *targets]
    texts = _NAMES if values else columns
    table = read_table(place.folder / "predictions.csv", texts, columns)
    _check_columns(table, columns, "predictions.csv")
    given = table[targets]
    if values:
        sound = all(given[name].dtype.kind in "fi" for name in targets)
        sound = sound and not given.isna().to_numpy().any()
    else:
        sound = bool(given.isin(facts.task.outputs).to_numpy().all())
    if not sound or not len(table):
        raise RunFileError("predictions.csv is damaged: a clip has no prediction")
    return table.rename(columns={"role": "place"})


def _check_columns(table: "DataFrame", columns: Sequence[str], file: str) -> None:
    if lacking := [name for name in columns if name not in table]:
        raise RunFileError(f"{file} lacks the column {lacking[0]}: is it crossemo's?")


def _check_stages(results: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuse a run whose last stages were not tested yet."""
    names = {key.split(".")[1] for key in settings if key.startswith("stages.")}
    tested = set(results["stages"])
    if lacking := sorted((names or set(results["roles"])) - tested):
        raise UnfinishedRunError(f"stage {lacking[0]} was not tested")


def _check_scores(results: Mapping[str, Any], predictions: "DataFrame") -> None:
    """Refuse tables and results of different tests."""
    counts = predictions.groupby(["stage", "place"]).size()
    for stage, test in results["stages"].items():
        for place, scores in test["scores"].items():
            if "/" not in place and counts.get((stage, place)) != scores["n"]:
                raise RunFileError(
                    f"predictions.csv is not of the same tests as results.json: stage "
                    f"{stage}, {place}"
                )
