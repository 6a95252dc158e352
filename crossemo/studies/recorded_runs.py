"""Runs as they were recorded: their facts and tables, read and checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crossemo.stages.stage import Stage, StageError
from crossemo.studies.certainty import with_confidence
from crossemo.studies.prediction_table import (
    CLOSE,
    MOST,
    check_columns,
    read_predictions,
)
from crossemo.studies.run_facts import JUDGED, RunFacts, kind_of, run_facts
from crossemo.studies.run_files import (
    ForeignRunError,
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

_OF_CLIPS = ("role", "corpus", "clip", "group", "part")
# Columns of tables that are text, also where they look like numbers.
_TEXTS = (
    *("stage", "part", "unit", "layer", "estimator", "measure", "emotion", "leak"),
    "pretraining",
    *("x_domain", "x_emotion", "y_domain", "y_emotion"),
    *("trained_on", "judged_on", "scaler", "labels", "score", "view", "kind"),
)
_TABLES = ("fad", "similarity", "layers")


@dataclass(frozen=True)
class RecordedStage:
    """A stage of a run that was tested.

    Args:
        plan: What it learnt from, and where it began.
        layer_weights: The learnt share of every hidden state; empty without a mixture.
        leak: The mark of a leak, in whatever place.
        leaks: Those of the places that say themselves whether they bear it.
        temperature: What logits are divided by; None where it isn't known.
    """

    plan: Stage
    layer_weights: tuple[float, ...] = ()
    leak: str = ""
    temperature: float | None = None
    leaks: Mapping[str, str] = field(default_factory=dict)

    def leak_at(self, place: str) -> str:
        """Return the mark of a leak of a role, or of `ROLE/CORPUS`."""
        return self.leaks.get(place, self.leak)


@dataclass(frozen=True)
class RecordedRun:
    """A run that is done.

    Args:
        place: Where it lies and what it is called.
        facts: What it is of.
        stages: The stages that were tested, in order.
        several: Roles of several corpora.
        predictions: A row for every stage and test clip, of classes with the
            `confidence` of the one that is said, and `confidence_calibrated`; without
            rows where nothing was recognised.
        split: The part of every clip.
        tables: `fad`, `similarity` and `layers`, as far as they are there.
    """

    place: RunFolder
    facts: RunFacts
    stages: Mapping[str, RecordedStage]
    several: tuple[str, ...]
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
    kind_of(results)  # others have no config
    settings = read_settings(place.folder / "config.yaml")
    try:
        facts = run_facts(results, settings)
        stages = _stages(results, settings) if facts.kind == "stages" else {}
        several = tuple(n for n, one in results["roles"].items() if "corpora" in one)
        tested = _tested(results)
        if stages and facts.task is None:
            raise ForeignRunError("results.json names no classes and no values")
    except RunFileError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, StageError) as error:
        raise ForeignRunError(
            f"results.json is of another version, or none of crossemo's: {error!r}"
        ) from error
    split = read_table(place.folder / "split.csv", _OF_CLIPS, _OF_CLIPS)
    check_columns(split, _OF_CLIPS, "split.csv")
    predictions = split.iloc[:0]
    if facts.task is not None and stages:
        predictions = _predictions(place.folder, facts.task, stages)
        _check_tests(predictions, split, tested)
    tables = {
        name: read_table(path, _TEXTS)
        for name in _TABLES
        if (path := place.folder / f"{name}.csv").exists()
    }
    if facts.kind == "layers" and "layers" not in tables:
        raise UnfinishedRunError("layers.csv isn't there")
    return RecordedRun(place, facts, stages, several, predictions, split, tables)


def _stages(
    results: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, RecordedStage]:
    """Return the stages of a run all of which were tested."""
    names = {key.split(".")[1] for key in settings if key.startswith("stages.")}
    if results["command"] == "judge":
        names = {JUDGED}
    if lacking := sorted((names or set(results["roles"])) - set(results["stages"])):
        raise UnfinishedRunError(f"stage {lacking[0]} was not tested")
    stages = {}
    for name, test in results["stages"].items():
        plan = _plan(test["settings"])
        shares = _layer_weights(name, test.get("layer_weights") or ())
        leak, temperature = str(test.get("leak", "")), test.get("temperature")
        known = None if temperature is None else float(temperature)
        if known is not None and not 0 < known < inf:
            raise RunFileError(f"results.json is damaged: a temperature of {known}")
        leaks = {
            place: str(scores["leak"])
            for place, scores in test["scores"].items()
            if "leak" in scores
        }
        stages[name] = RecordedStage(plan, shares, leak, known, leaks)
    return stages


def _layer_weights(stage: str, weights: Iterable[Any]) -> tuple[float, ...]:
    """Return the share of every hidden state, as a softmax gave it."""
    shares = tuple(map(float, weights))
    faults = [
        f"{share} for layer {layer}"
        for layer, share in enumerate(shares)
        if not 0 <= share <= MOST
    ]
    if shares and not faults and abs(sum(shares) - 1) > CLOSE:
        faults = [f"shares that add up to {sum(shares):.6g}"]
    if faults:
        raise RunFileError(
            f"results.json is damaged: layer_weights of stage {stage} has {faults[0]}, "
            "where shares from 0 to 1 that add up to 1 belong; train it again, or "
            "leave the run out"
        )
    return shares


def _plan(settings: Mapping[str, Any] | None) -> Stage:
    """Return what a stage learnt from; nothing of this run, where it was judged."""
    if settings is None:
        return Stage()
    return Stage(**{one.name: settings[one.name] for one in fields(Stage)})


def _tested(results: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Return the number of clips of every stage and role."""
    return {
        (stage, role): int(scores["n"])
        for stage, test in results.get("stages", {}).items()
        for role, scores in test["scores"].items()
        if role in results["roles"]
    }


def _predictions(
    folder: Path, task: Task, stages: Mapping[str, RecordedStage]
) -> "DataFrame":
    """Return what was predicted, with what becomes of the probabilities of classes."""
    table = read_predictions(folder, task)
    if task.kind == "classes":
        known = {name: stage.temperature for name, stage in stages.items()}
        table = with_confidence(table, task.outputs, known)
    return table.rename(columns={"role": "place"})


def _check_tests(
    predictions: "DataFrame", split: "DataFrame", tested: Mapping[tuple[str, str], int]
) -> None:
    """Refuse tables that are not of the tests of results.json."""
    sizes = predictions.groupby(["stage", "place"], observed=True).size()
    if sizes.to_dict() != tested:
        raise RunFileError("predictions.csv is not of the tests of results.json")
    tests = split[split["part"] == "test"]
    clips, places = (
        set(zip(table[role].to_numpy(), table["clip"].to_numpy(), strict=True))
        for table, role in ((tests, "role"), (predictions, "place"))
    )
    if clips != places:
        raise RunFileError("split.csv has other test clips than predictions.csv")
