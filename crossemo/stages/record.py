"""What a run is made with, in plain values, by the names that a user types."""

import os
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from hashlib import sha256
from inspect import signature
from typing import Any

from lightning import LightningModule, Trainer

from crossemo.corpora.base import PARTS
from crossemo.data.datamodule import EmotionDataModule
from crossemo.errors import CrossEmoError
from crossemo.files import expanded
from crossemo.runs.checkpoint_files import digest_of
from crossemo.stages.clock import StageClock
from crossemo.stages.stage import Stage

Settings = dict[str, Any]
FINGERPRINT = "the fingerprint of model.encoder"

# Where a run computes and what it shows of it; none of these changes what it learns.
# The stages have their own length, and callbacks that change a run are refused.
_ELSEWHERE = {
    "accelerator",
    "barebones",
    "callbacks",
    "default_root_dir",
    "enable_autolog_hparams",
    "limit_predict_batches",
    "log_every_n_steps",
    "logger",
    "num_sanity_val_steps",
    "profiler",
    "strategy",
}


def record_of(
    trainer: Trainer, module: LightningModule, clock: StageClock | None
) -> dict[str, Any]:
    """Return all that decides the numbers of a run, ready for a checkpoint.

    Whatever a stage, a model, a datamodule, a corpus or a trainer can be given is in
    it, unless it is named here as something that changes nothing.

    Args:
        trainer: The trainer of the run.
        module: What is trained.
        clock: The stages; None where the trainer has none.

    Returns:
        `settings` by the names that a user types; `stages` in order, with their steps
        and clips; and `traces`, digests of the encoder as it was loaded and of the
        clips of every role and part.
    """
    data = getattr(trainer, "datamodule", None)
    stages = {} if clock is None else clock.stages
    fields = {name: _of_stage(stage) for name, stage in stages.items()}
    encoder = getattr(module, "encoder", None)
    fingerprint = getattr(encoder, "fingerprint", lambda: None)()
    return {
        "settings": {
            **{k: v for n, one in fields.items() for k, v in _in(f"stages.{n}", one)},
            **dict(_in("model", _of_model(module))),
            **dict(_in("data", _of_data(data))),
            **dict(_in("trainer", _of_trainer(trainer, clock is not None))),
            **_of_callbacks(trainer),
            "seed_everything": os.environ.get("PL_GLOBAL_SEED"),
        },
        "stages": _of_stages(trainer, module, clock),
        "traces": {FINGERPRINT: fingerprint, **_digests(data)},
    }


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value as JSON would hold it.

    >>> from crossemo.stages.stage import Stage
    >>> plain(Stage(3))["max_epochs"], plain(("a", range(2), {"c", "b"}))
    (3, ['a', [0, 1], ['b', 'c']])
    """
    if value is None:
        return None
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)  # a subclass could not be read again
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, Set):
        return sorted(map(str, value))
    if isinstance(value, Sequence):
        return [plain(one) for one in value]
    if isinstance(value, os.PathLike):
        return str(value)
    return {"class": type(value).__qualname__, **arguments(value)}


def arguments(owner: object) -> Settings:
    """Return what an object was made with, as far as it has it under those names."""
    try:
        names = signature(type(owner)).parameters
    except ValueError:  # of a class that isn't written in Python
        return {}
    return {name: plain(getattr(owner, name)) for name in names if hasattr(owner, name)}


def _in(section: str, settings: Settings) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _in(f"{section}.{name}", value)
        else:
            yield f"{section}.{name}", value


def _of_stage(stage: Stage) -> Settings:
    """Return the settings of a stage; a checkpoint by its content, wherever it lies."""
    settings: Settings = plain(stage)
    if stage.starts_elsewhere:
        with suppress(CrossEmoError):  # it may be gone by now
            digest = digest_of(expanded(stage.start_from))
            settings["start_from"] = f"a checkpoint of digest {digest}"
    return settings


def _of_model(module: LightningModule) -> Settings:
    options = {k: plain(v) for k, v in module.hparams.items() if not k.startswith("_")}
    return {"class_path": type(module).__qualname__, **options}


def _of_data(data: object) -> Settings:
    settings: Settings = {"class_path": type(data).__qualname__}
    if not isinstance(data, EmotionDataModule):
        return settings | (arguments(data) if data is not None else {})
    settings |= arguments(data) | plain(data.settings)
    alone = "corpus" in signature(type(data)).parameters
    for role, corpus in data.roles.items():
        name = "corpus" if alone else role
        joint = len(corpus.members) > 1
        for one in corpus.members:
            place = f"{name}.{one.name}" if joint else name
            settings[place] = type(one).__qualname__
            settings |= _in(place, arguments(one))
    return settings | {"roles": list(data.roles)}


def _of_trainer(trainer: Trainer, staged: bool) -> Settings:
    left_out = _ELSEWHERE | ({"max_epochs"} if staged else set())
    names = [n for n in signature(Trainer).parameters if n not in left_out]
    settings = {n: plain(getattr(trainer, n)) for n in names if hasattr(trainer, n)}
    return settings | {"devices": trainer.num_devices}


def _of_callbacks(trainer: Trainer) -> Settings:
    """Return the settings of callbacks that measure, which name their section."""
    settings: Settings = {}
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if section := getattr(callback, "section", None):
            settings |= _in(section, arguments(callback))
        if isinstance(getattr(callback, "clock", None), StageClock):
            settings["StageSwitch.seed"] = getattr(callback, "seed", None)
    return settings


def _of_stages(
    trainer: Trainer, module: LightningModule, clock: StageClock | None
) -> dict[str, Settings]:
    """Return of each stage how long it is and how many clips a step has.

    A trainer without stages has one that bears no name. A stage is `steady` where what
    it does after its warm-up doesn't depend on its length, and has a `joint_loss` where
    that of a batch is no mean over its clips, such as a concordance.
    """
    stages = {"": Stage()} if clock is None else clock.stages
    hyper = module.hparams
    batch = getattr(getattr(trainer, "datamodule", None), "batch_size", None)
    task = getattr(module, "task", None)
    times = trainer.world_size * trainer.accumulate_grad_batches
    lengths = [] if clock is None else clock.steps_per_epoch
    rows: dict[str, Settings] = {}
    for number, (name, stage) in enumerate(stages.items()):
        size = stage.batch_size or batch
        schedule = stage.schedule or hyper.get("schedule")
        warmup = hyper.get("warmup", 0) if stage.warmup is None else stage.warmup
        per_epoch = lengths[number] if lengths else None
        rows[name] = {
            "clips_per_step": size and size * times,
            "steps_per_epoch": per_epoch,
            "steps": per_epoch and stage.steps(per_epoch),
            "warmup": float(warmup),
            "steady": schedule == "constant" and hyper.get("tuning") != "adalora",
            "joint_loss": getattr(task, "least_batch", 1) > 1,
        }
    return rows


def _digests(data: object) -> dict[str, str]:
    """Return a digest of the clips of every role and part, in order, with targets."""
    if not isinstance(data, EmotionDataModule):
        return {}
    digests = {}
    for role in data.roles:
        for part in PARTS:
            examples = data.dataset(role, part).examples
            rows = "\n".join(f"{one.key} {one.target}" for one in examples)
            digests[f"the digest of the {part} clips of {role}"] = sha256(
                rows.encode()
            ).hexdigest()[:12]
    return digests
