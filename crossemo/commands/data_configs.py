"""The data of a config, for a command that trains nothing: of one fold or of all."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crossemo.commands.all_folds import ALL
from crossemo.commands.configs import name_origin, read, read_settings
from crossemo.commands.launch import shipped_config
from crossemo.commands.survey import survey
from crossemo.files import write_text

# What only the config of a training has, besides a model of its own.
_OF_TRAINING = {"fad", "keep_features", "seed_everything", "stages", "trainer"}
_CONFIG = ("--config", "-c")
_FOLD = ("--data.fold", "--data.init_args.fold")


def words_on_data(typed: Sequence[str], folder: Path, own: str = "") -> Iterator[str]:
    """Yield what was typed for a parser that knows data, and no training nor all folds.

    Of the config of a training only the section `data` is taken; `fold: all` and
    `--data.fold all` are left out, see `last_fold`.

    Args:
        typed: What was typed behind the command.
        folder: Where configs are written that stand for those that were named.
        own: A section by which a config is known for the command's own, so that all
            of it is taken.

    Raises:
        CrossEmoError: A config is none.
    """
    words = iter(typed)
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in (*_CONFIG, *_FOLD) and not equals:
            value = next(words, "")
        if option in _CONFIG and value:
            path = Path(shipped_config(value))
            yield f"--config={_copy(path, folder / str(number), own)}"
        elif option not in _FOLD or value != ALL:
            yield f"{option}={value}" if option in _FOLD else word


def _copy(path: Path, folder: Path, own: str) -> Path:
    """Write what is taken of a config to a folder, under the same name."""
    try:
        settings = read_settings(path)
    except OSError:
        return path  # which the parser says better
    copy = folder / path.name
    write_text(
        copy, json.dumps(_taken(settings, own), default=str)
    )  # which is YAML too
    name_origin(copy, path, survey(read(path)))
    return copy


def _taken(settings: Mapping[str, Any], own: str) -> dict[str, Any]:
    taken = dict(settings)
    inner = taken.pop("fit", {})
    taken |= inner if isinstance(inner, dict) else {}
    of_training = isinstance(taken.get("model"), dict) or taken.keys() & _OF_TRAINING
    if of_training and own not in taken:
        taken = {key: value for key, value in taken.items() if key == "data"}
    if isinstance(data := taken.get("data"), dict):
        taken["data"] = _without_all(data)
    return taken


def _without_all(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data without `fold: all`, which no datamodule knows."""
    left = {k: v for k, v in data.items() if k != "fold" or v != ALL}
    if isinstance(inner := left.get("init_args"), dict):
        left["init_args"] = _without_all(inner)
    return left
