"""What decides the numbers of a run, in one form however it was written; its digest.

Left out is what `docs/interruptions.md` lets differ between a run and one that goes on
with it. What settings name (corpora, an encoder's folder, a checkpoint) counts by its
content, wherever it lies.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from crossemo.callbacks.fad import FrechetAudioDistance
from crossemo.commands.alternatives import object_at
from crossemo.grids.contents import Contents
from crossemo.grids.usual import parameters_of, without_defaults
from crossemo.recognizer import EmotionRecognizer
from crossemo.stages.stage import Stage
from crossemo.version import __version__

DIGITS = 12  # hex; two of a million runs share a digest once in 500 studies
CLASS = "class_path"
ARGUMENTS = "init_args"
GROUPS = ("data", "model", "trainer", "fad")  # whose settings are merged one by one
ROLES = ("source", "target", "corpus")
IRRELEVANT = {
    "ckpt_path",
    "config",
    "data.cache_dir",
    "data.num_workers",
    "keep_features",
    "logs",
    "model.attention",
    "model.compile",
    "model.gradient_checkpointing",
    "name",
    "save_every_n_steps",
    "strict",
    "threads",
    "trainer.accelerator",
    "trainer.default_root_dir",
    "trainer.enable_checkpointing",
    "trainer.enable_model_summary",
    "trainer.enable_progress_bar",
    "trainer.log_every_n_steps",
    "trainer.logger",
    "trainer.profiler",
    "trainer.strategy",
}

Settings = Mapping[str, Any]


def digest_of(settings: Settings, contents: Contents) -> str:
    """Return the digest of a run.

    Args:
        settings: Its settings, as `merged` returns them.
        contents: Looks up what they name.
    """
    facts = {"crossemo": __version__, **relevant(settings, contents)}
    return short_digest(facts)


def short_digest(facts: object) -> str:
    """Return 12 hex digits that stand for plain values, in whatever order of keys."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=DIGITS // 2).hexdigest()


def merged(
    configs: Iterable[object], overrides: Iterable[tuple[str, Any]]
) -> dict[str, Any]:
    """Return the settings that several configs and typed options come to.

    Short forms and long ones become one: `init_args` and `fit` are left out, a class
    without settings is its name alone.

    Args:
        configs: What they say, the later over the earlier.
        overrides: Dotted options in order, each with its value.

    >>> merged([{"data": {"class_path": "A"}}], [("data.init_args.fold", 1)])
    {'data': {'class_path': 'A', 'fold': 1}}
    """
    settings: dict[str, Any] = {}
    for config in configs:
        content = one_form(config)
        if isinstance(content, dict):
            inner = content.pop("fit", {})
            settings = _over(_over(settings, content, 0), inner, 0)
    for option, value in overrides:
        *keys, last = [key for key in option.split(".") if key != ARGUMENTS]
        _set(settings, keys, last, one_form(value))
    return {key: _bare(one) for key, one in settings.items()}


def one_form(value: Any) -> Any:  # noqa: ANN401
    """Return settings without what jsonargparse wraps them in, and 1.0 as 1."""
    if isinstance(value, dict):
        plain: dict[str, Any] = {}
        for key, one in value.items():
            inner = one_form(one)
            if key == ARGUMENTS and isinstance(inner, dict):
                plain |= inner
            else:
                plain[str(key)] = _class_name(inner) if key == CLASS else inner
        return plain
    if isinstance(value, list | tuple):
        return [one_form(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _class_name(path: object) -> object:
    if isinstance(path, str) and path.startswith("crossemo."):
        return path.rpartition(".")[2]
    return path


def _over(below: dict[str, Any], above: dict[str, Any], depth: int) -> dict[str, Any]:
    """Lay settings over others, as jsonargparse does.

    It merges groups and classes with settings; other mappings, such as the stages,
    are values, of which the later one counts.
    """
    both = dict(below)
    for key, value in above.items():
        other = both.get(key)
        if isinstance(other, str) and isinstance(value, dict) and key != CLASS:
            other = {CLASS: _class_name(other)} if CLASS not in value else {}
        if isinstance(other, dict) and CLASS in other and isinstance(value, str):
            value = {CLASS: _class_name(value)}
        merges = isinstance(other, dict) and (
            CLASS in other or (depth == 0 and key in GROUPS)
        )
        if isinstance(other, dict) and isinstance(value, dict) and merges:
            value = _over(other, value, depth + 1)
        both[key] = value
    return both


def _set(settings: dict[str, Any], keys: list[str], last: str, value: Any) -> None:  # noqa: ANN401
    """Set one option, which leaves others beside it as they are."""
    here = settings
    for key in keys:
        inner = here.get(key)
        if not isinstance(inner, dict):
            inner = {CLASS: _class_name(inner)} if isinstance(inner, str) else {}
        here[key] = inner = dict(inner)
        here = inner
    if last.endswith("+"):
        here[last] = [*here.get(last, []), value]
    else:
        before = {last: here[last]} if last in here else {}
        here |= _over(before, {last: value}, len(keys))


def _bare(value: Any) -> Any:  # noqa: ANN401
    """Return a class without settings as its name alone."""
    if isinstance(value, list):
        return [_bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    if list(value) == [CLASS]:
        return value[CLASS]
    return {key: _bare(one) for key, one in value.items()}


def relevant(settings: Settings, contents: Contents) -> dict[str, Any]:
    """Return what decides the numbers, by content where it is named."""
    facts = {key: _relevant_in(key, one) for key, one in settings.items()}
    facts = {key: one for key, one in facts.items() if key not in IRRELEVANT}
    facts["seed_everything"] = facts.get("seed_everything", 0)
    data, model = facts.get("data"), facts.get("model", {})
    if isinstance(data, dict):
        cache_dir = settings["data"].get("cache_dir")
        facts["data"] = _data(data, contents, cache_dir)
    if isinstance(model, dict):
        base = object_at(model.get(CLASS, EmotionRecognizer.__name__))
        model = {**model, "encoder": model.get("encoder", "wav2vec2-base")}
        facts["model"] = without_defaults(base, model)
        facts["model"]["encoder"] = contents.encoder(model["encoder"])
    if isinstance(fad := facts.get("fad"), dict):
        facts["fad"] = without_defaults(FrechetAudioDistance, fad)
    if isinstance(stages := facts.get("stages"), dict):
        facts["stages"] = [
            [name, _stage(stage, contents)] for name, stage in stages.items()
        ]  # whose order counts
    return facts


def _relevant_in(group: str, value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return value
    return {
        key: one for key, one in value.items() if f"{group}.{key}" not in IRRELEVANT
    }


def _data(data: Settings, contents: Contents, cache_dir: Any) -> dict[str, Any]:  # noqa: ANN401
    base = object_at(str(data.get(CLASS)))
    known = parameters_of(base) or data  # not those of a class that it was before
    plain = without_defaults(base, {k: data[k] for k in data if k in {CLASS, *known}})
    if plain.get("labels") is not None:
        plain["task"] = plain.pop("labels")
    for role in [role for role in ROLES if role in plain]:
        plain[role] = _corpora(plain[role], contents, cache_dir)
    if isinstance(roles := plain.get("roles"), dict):
        plain["roles"] = [
            [role, _corpora(one, contents, cache_dir)] for role, one in roles.items()
        ]
    return plain


def _corpora(value: Any, contents: Contents, cache_dir: Any) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return [_corpora(one, contents, cache_dir) for one in value]
    return contents.corpus(value, cache_dir)


def _stage(stage: Any, contents: Contents) -> Any:  # noqa: ANN401
    if not isinstance(stage, dict):
        return stage
    plain = without_defaults(Stage, stage)
    if isinstance(start := plain.get("start_from"), str):
        plain["start_from"] = contents.file(start)
    return plain
