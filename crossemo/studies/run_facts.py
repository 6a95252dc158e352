"""What a run is of: encoder, strategy, corpora, task, split; what must agree."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from math import nan
from pathlib import Path
from typing import Any, Literal

from crossemo.data.marks import SIGNS, sign_of
from crossemo.studies.run_files import ForeignRunError
from crossemo.tasks import Task, task_of

Kind = Literal["stages", "layers", "distances"]
JUDGED = "judged"  # stage and strategy of a model that was trained elsewhere

# What tells the runs of one condition apart.
_REPEATS = ("seed_everything", "data.init_args.fold", "data.fold")
# Where and how it is computed and shown, and what is measured besides: no number of a
# recogniser depends on it.
_FREE = (
    *("name", "logs", "threads", "keep_features", "save_every_n_steps"),
    *("ckpt_path", "weights_only", "fad", "fad.*", "device", "allow_leak", "strict"),
    *(
        "trainer.logger*",
        "trainer.callbacks*",
        "trainer.enable_*",
        "trainer.log_every*",
    ),
    *("trainer.default_root_dir", "trainer.profiler*", "trainer.accelerator"),
    *("trainer.strategy*", "trainer.max_epochs", "trainer.num_sanity_val_steps"),
    *("data.*.root", "data.*cache_dir", "data.*num_workers", "model.allow_leak"),
    *("model.*gradient_checkpointing", "model.*attention", "model.*compile"),
    *("attention", "compile"),
)
# Of the data, what changes how a model learns and not which clips it is judged by.
_TRAINING = (
    *("balance", "balance_strength", "batch_size", "batch_seconds", "labels"),
    *("sample_format", "window", "hop", "strict"),
)


@dataclass(frozen=True)
class RunFacts:
    """What a run is of.

    Args:
        kind: What was run: `stages` of a recogniser, probes of `layers`, or
            `distances` alone.
        columns: Columns of the frame of runs.
        condition: Digest of all settings but fold and seed.
        setup: The same without the stages.
        study: Digest of what must agree so that runs may be compared.
        settings: The settings that numbers depend on, by full name.
        target: The role of the target.
        weights: Digest of the encoder's weights; empty where it isn't known.
        task: What was learnt; None of distances alone.
    """

    kind: Kind
    columns: Mapping[str, Any]
    condition: str
    setup: str
    study: str
    settings: Mapping[str, Any]
    target: str | None
    weights: str
    task: Task | None


def run_facts(results: Mapping[str, Any], settings: Mapping[str, Any]) -> RunFacts:
    """Return what a run is of.

    Args:
        results: The content of its results.json.
        settings: Its settings by full name.

    Raises:
        ForeignRunError: They are of no run that a study can hold.
        KeyError, TypeError, AttributeError, ValueError: They are none of crossemo's.
    """
    kind = kind_of(results)
    if kind != "distances" and not any(key.startswith("data.") for key in settings):
        raise ForeignRunError("config.yaml names no data")
    model, roles = results.get("model") or {}, results["roles"]
    first, last = _ends(list(roles))
    split = results.get("split") or {}
    task = _task(results)
    deciding = {k: v for k, v in settings.items() if not _among(k, _FREE)}
    repeated = {k: v for k, v in deciding.items() if k not in _REPEATS}
    alike = {k: v for k, v in repeated.items() if not k.startswith("stages")}
    tuning, layers = model.get("tuning", ""), model.get("layers", "")
    judged = results.get("judged") or {}
    name = model.get("encoder") or judged.get("name") or _setting(settings, "encoder")
    marks = _marks(results)
    columns = {
        "kind": kind,
        "encoder": Path(str(name)).name + sign_of(marks),
        "tuning": tuning,
        "layers": str(layers),
        "strategy": _strategy(kind, tuning, layers, bool(judged)),
        "source": _corpora(roles, first),
        "target": _corpora(roles, last),
        "source_domain": _domain(roles, first),
        "target_domain": _domain(roles, last),
        "task": _task_name(results),
        "split": split.get("scheme") or ("given" if split else ""),
        "fold": _number(split.get("fold")) if kind == "stages" else None,
        "seed": _number(results.get("seed")),
        "seconds": float(results.get("run_seconds") or nan),
        "crossemo": results.get("crossemo", ""),
        **dict.fromkeys(SIGNS, ""),
        **marks,
    }
    study = _digest(kind, _study(results, settings, split, task))
    return RunFacts(
        kind=kind,
        columns=columns,
        condition=_digest(study, sorted(repeated.items())),
        setup=_digest(study, sorted(alike.items())),
        study=study,
        settings=deciding,
        target=last,
        weights=str(results.get("encoder_fingerprint") or ""),
        task=task,
    )


def kind_of(results: Mapping[str, Any]) -> Kind:
    """Return what was run.

    Args:
        results: The content of a results.json.

    Raises:
        ForeignRunError: It is of another command.
    """
    command = results.get("command")
    if command == "fit" and "probes" in results:
        return "layers"
    if command in ("fit", "judge") and "stages" in results:
        return "stages"
    if command == "fad":
        return "distances"
    raise ForeignRunError(f"results.json is of crossemo {command}, not of a fit")


def strategy_of(tuning: str, layers: object) -> str:
    """Return what the paper calls a way of tuning with a choice of layers.

    >>> strategy_of("frozen", "last"), strategy_of("lora", "weighted")
    ('baseline', 'PEFT')
    """
    if tuning == "full":
        return "full"
    if tuning != "frozen":
        return "PEFT"
    names = {"last": "baseline", "weighted": "weighted sum"}
    return names.get(str(layers), f"frozen, {layers}")


def _marks(results: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run or any of its tests says that the weights know, by column."""
    places = [results, *(results.get("stages") or {}).values()]
    texts = {
        column: "\n".join(
            dict.fromkeys(str(one[column]) for one in places if one.get(column))
        )
        for column in SIGNS
    }
    return {column: text for column, text in texts.items() if text}


def _strategy(kind: Kind, tuning: str, layers: object, judged: bool) -> str:
    if kind != "stages":
        return ""
    return JUDGED if judged else strategy_of(tuning, layers)


def _task(results: Mapping[str, Any]) -> Task | None:
    if "values" in results:
        return task_of("values", tuple(results["values"]["outputs"]))
    if "classes" in results:
        return task_of("classes", tuple(results["classes"]))
    return None


def _task_name(results: Mapping[str, Any]) -> str:
    if "values" in results:
        return "_".join(results["values"]["outputs"])
    return str(results.get("labels", ""))


def _study(
    results: Mapping[str, Any],
    settings: Mapping[str, Any],
    split: Mapping[str, Any],
    task: Task | None,
) -> Any:  # noqa: ANN401
    """Return what must agree: task, corpora in whatever roles, and the split."""
    roles = results["roles"]
    corpora: dict[str, list[Any]] = {role: [] for role in roles}
    others = []
    for name, value in settings.items():
        short = name.removeprefix("data.").removeprefix("init_args.")
        role = short.partition(".")[0]
        if not name.startswith("data.") or name in _REPEATS or _among(name, _FREE):
            continue
        if role in corpora:
            corpora[role].append((short.partition(".")[2], value))
        elif role not in _TRAINING and short != "class_path":
            others.append((short, value))
    return (
        task and (task.kind, task.outputs),
        sorted(_plain(sorted(one)) for one in corpora.values()),
        sorted(others),
        [split.get(key) for key in ("scheme", "folds", "seed")],
    )


def _ends(roles: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the roles of the source, if there is one, and of the target."""
    if "target" in roles:
        return ("source" if "source" in roles else None), "target"
    return (roles[0] if len(roles) > 1 else None), (roles[-1] if roles else None)


def _corpora(roles: Mapping[str, Any], role: str | None) -> str:
    if role is None:
        return ""
    facts = roles[role]
    return " + ".join(facts.get("corpora") or [facts.get("corpus", role)])


def _domain(roles: Mapping[str, Any], role: str | None) -> str:
    return "" if role is None else str(roles[role].get("domain", ""))


def _setting(settings: Mapping[str, Any], name: str) -> str:
    """Return a setting by the end of its name; empty if there is none."""
    ends = (value for key, value in settings.items() if key.split(".")[-1] == name)
    return str(next(ends, ""))


def _among(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))


def _plain(value: object) -> str:
    return json.dumps(value, default=str, sort_keys=True)


def _digest(*of: object) -> str:
    return sha256(_plain(of).encode("utf-8", "surrogatepass")).hexdigest()[:12]
