"""Made-up runs, in the form in which a fit and a grid leave them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml

from crossemo.files import write_csv
from crossemo.runs.results import write_results
from crossemo.stages.stage import Stage
from crossemo.tasks.classes import Classes
from crossemo.tasks.values import Values

CLASSES = ("happy", "sad", "angry")
CLIPS = {"happy": 4, "sad": 3, "angry": 1}  # of a unit
GAIN = {
    "target_only": {"data": ["target"], "start_from": "best"},
    "source": {"data": ["source"], "start_from": "scratch"},
    "target": {"data": ["target"], "start_from": "best"},
}
SETTINGS: dict[str, Any] = {
    **{"max_epochs": 3, "batch_size": 8, "lr": 1e-3, "encoder_lr": 1e-4},
    **{"warmup": 0.1, "schedule": "cosine", "class_weights": "balanced"},
}
CORPORA = {"source": ("talk",), "target": ("song",)}


@dataclass(frozen=True)
class MadeUp:
    """What a made-up run is of; units are spread over folds in turn."""

    fold: int = 0
    seed: int = 0
    folds: int = 4
    units: int = 8
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: GAIN)
    skill: Mapping[str, float] = field(default_factory=dict)
    corpora: Mapping[str, Sequence[str]] = field(default_factory=lambda: CORPORA)
    values: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> Classes | Values:
        return Values() if self.values else Classes({name: [name] for name in CLASSES})

    def clips(self, role: str) -> list[dict[str, Any]]:
        """Return rows of split.csv of a role."""
        return [
            {
                "role": role,
                "corpus": corpus,
                "clip": f"{corpus}/{unit:02d}-{emotion}-{take}",
                "group": f"unit/{unit:02d}",
                "emotion": emotion,
                "part": "test" if unit % self.folds == self.fold else "train",
                "fold": self.fold,
            }
            for corpus in self.corpora[role]
            for unit in range(self.units)
            for emotion, takes in CLIPS.items()
            for take in range(takes)
        ]


def write_run(folder: Path, run: MadeUp) -> Path:
    """Write what a fit leaves to a folder, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    tests: dict[str, Any] = {}
    for number, (stage, settings) in enumerate(run.stages.items()):
        scores: dict[str, Any] = {}
        for role in run.corpora:
            mine, judged = _judge(run, stage, role, number)
            rows += mine
            scores |= judged
        tests[stage] = {
            "checkpoint": f"{stage}.ckpt",
            "stage": stage,
            "settings": asdict(Stage(**{**SETTINGS, **settings})),
            "layer_weights": [0.25, 0.75],
            "scores": scores,
        }
    write_csv(folder / "predictions.csv", rows)
    split = [row for role in run.corpora for row in run.clips(role)]
    write_csv(folder / "split.csv", split)
    write_results(folder, _content(run, tests) | dict(run.results))
    text = yaml.safe_dump(_settings(run), sort_keys=False)
    (folder / "config.yaml").write_text(text)
    return folder


def write_folds(folder: Path, run: MadeUp, seeds: Sequence[int] = (0,)) -> None:
    """Write a run for every fold and seed: `FOLDER/version_0` and so on."""
    for number in range(run.folds * len(seeds)):
        fold, seed = number % run.folds, seeds[number // run.folds]
        one = {**vars(run), "fold": fold, "seed": seed}
        write_run(folder / f"version_{number}", MadeUp(**one))


def write_grid(
    logs: Path, name: str, runs: Mapping[str, MadeUp | str | None]
) -> list[str]:
    """Write a grid as `crossemo grid` leaves it, and return its digests.

    Args:
        logs: The folder of logs.
        name: Name of the grid.
        runs: By label what is done; a sentence for one that failed, an empty one for
            one that was cut off; None for one that wasn't begun.
    """
    entries = []
    for number, (label, run) in enumerate(runs.items()):
        digest = f"{number:012x}"
        entries.append({"digest": digest, "label": label, "axes": {}, "words": []})
        home = logs / "runs" / digest
        (logs / name).mkdir(parents=True, exist_ok=True)
        if run is None:
            continue
        home.mkdir(parents=True, exist_ok=True)
        (logs / name / label).symlink_to(Path("..", "runs", digest))
        (home / "version_0").mkdir()
        if isinstance(run, MadeUp):
            # The first attempt was cut off; what comes later isn't of this outcome.
            write_run(home / "version_1", run)
            (home / "version_2").mkdir()
            _write_outcome(home, "done", None)
        elif run:
            _write_outcome(home, "failed", run)
    plan = {"crossemo": "0.1.0", "name": name, "configs": {}, "words": [], "axes": []}
    (logs / name / "grid.json").write_text(json.dumps(plan | {"runs": entries}))
    return [entry["digest"] for entry in entries]  # type: ignore[misc]


def _write_outcome(home: Path, state: str, sentence: str | None) -> None:
    outcome = {"state": state, "sentence": sentence, "version": 1, "seconds": 7.5}
    (home / "outcome.json").write_text(json.dumps(outcome))


def _judge(
    run: MadeUp, stage: str, role: str, number: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return rows of predictions.csv, and scores by place."""
    place = list(run.corpora).index(role)
    key = 1000 * run.seed + 100 * run.fold + 10 * number + place
    generator = torch.Generator().manual_seed(key)
    clips = [row for row in run.clips(role) if row["part"] == "test"]
    skill = run.skill.get(stage, 0.5)
    tell: Callable[[Any, list[float]], dict[str, Any]]
    if run.values:
        targets = torch.rand(len(clips), 2, generator=generator) * 2 - 1
        noise = torch.randn(targets.shape, generator=generator)
        outputs = skill * targets + 0.3 * noise
        tell = _of_values
    else:
        targets = torch.tensor([CLASSES.index(row["emotion"]) for row in clips])
        outputs = torch.randn(len(clips), len(CLASSES), generator=generator)
        right = torch.rand(len(clips), generator=generator) < skill
        outputs[right, targets[right]] = 9.0
        tell = _of_classes
    predictions = run.task.predictions(outputs)
    rows = [
        {"stage": stage, "checkpoint": f"{stage}.ckpt"}
        | {k: v for k, v in row.items() if k not in ("part", "fold")}
        | tell(target, said)
        for row, target, said in zip(
            clips, targets.tolist(), predictions.tolist(), strict=True
        )
    ]
    names = [role]
    if len(run.corpora[role]) > 1:
        names += [f"{role}/{corpus}" for corpus in run.corpora[role]]
    scores = {}
    for name in names:
        corpus = name.partition("/")[2]
        chosen = [n for n, c in enumerate(clips) if corpus in ("", c["corpus"])]
        units = {clips[n]["group"] for n in chosen}
        judged = run.task.scores(predictions[chosen], targets[chosen])
        scores[name] = {**judged, "n": len(chosen), "groups": len(units)}
    return rows, scores


def _of_classes(target: int, shares: list[float]) -> dict[str, Any]:
    said = CLASSES[shares.index(max(shares))]
    return {
        "true": CLASSES[target],
        "predicted": said,
        **dict(zip(CLASSES, shares, strict=True)),
    }


def _of_values(target: list[float], said: list[float]) -> dict[str, Any]:
    pairs = zip(("valence", "arousal"), target, said, strict=True)
    return {
        key: value
        for name, true, predicted in pairs
        for key, value in ((f"{name}_true", true), (f"{name}_predicted", predicted))
    }


def _content(run: MadeUp, tests: Mapping[str, Any]) -> dict[str, Any]:
    domains = {"source": "speech", "target": "music"}
    roles: dict[str, Any] = {
        role: {"corpus": "+".join(names), "domain": domains.get(role, "speech")}
        | ({"corpora": {name: {} for name in names}} if len(names) > 1 else {})
        for role, names in run.corpora.items()
    }
    return {
        "stages": tests,
        "command": "fit",
        "run_seconds": 3.5,
        "seed": run.seed,
        "roles": roles,
        **run.task.describe(),
        "split": {"scheme": "kfold", "fold": run.fold, "folds": run.folds, "seed": 0},
        "model": {"encoder": "tiny", "tuning": "frozen", "layers": "last"}
        | {
            k.removeprefix("model."): v
            for k, v in run.settings.items()
            if "model." in k
        },
    }


def _settings(run: MadeUp) -> dict[str, Any]:
    data = {
        "fold": run.fold,
        "folds": run.folds,
        "split": "kfold",
        **{
            role: {"class_path": "Made", "init_args": {"names": list(names)}}
            for role, names in run.corpora.items()
        },
    }
    settings: dict[str, Any] = {
        "seed_everything": run.seed,
        "name": "made-up",
        "model": {"encoder": "tiny", "tuning": "frozen", "layers": "last", "lr": 0.001},
        "data": {"class_path": "CrossDomainDataModule", "init_args": data},
        "stages": {name: dict(stage) for name, stage in run.stages.items()},
    }
    for key, value in run.settings.items():
        *above, last = key.split(".")
        place = settings
        for name in above:
            place = place[name]
        place[last] = value
    return settings
