"""What configs with choices and typed options stand for, run by run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from crossemo.commands.configs import load, read
from crossemo.commands.survey import YAMLRefusal, survey
from crossemo.errors import CrossEmoError
from crossemo.files import from_here
from crossemo.grids.expansion import (
    CHOICES,
    Document,
    Key,
    Pick,
    Picks,
    Resolved,
    expand,
)
from crossemo.grids.identity import merged, one_form
from crossemo.grids.labels import option_of_key

ENDINGS = (".yaml", ".yml")
FOLD, ALL = "data.fold", "all"


@dataclass(frozen=True)
class Draft:
    """A run before anything is known of it but its settings.

    Args:
        configs: What its configs say, by file name.
        options: The typed options in order, each with the text of its value.
        settings: What these come to, see `merged`.
        picks: What was picked for it.
    """

    configs: Mapping[str, Any]
    options: tuple[tuple[str, str], ...]
    settings: Mapping[str, Any]
    picks: Picks

    def texts(self) -> dict[str, str]:
        """Return its configs as YAML."""
        return {name: dumped(content) for name, content in self.configs.items()}

    def words(self, folder: Path) -> list[str]:
        """Return what is typed behind `fit`.

        Args:
            folder: Where its configs lie.
        """
        configs = [f"--config={folder / name}" for name in self.configs]
        return [*configs, *(f"--{option}={text}" for option, text in self.options)]

    @property
    def all_folds(self) -> bool:
        """Whether it stands for a run of each fold."""
        data = self.settings.get("data")
        return isinstance(data, dict) and data.get("fold") == ALL

    def of_fold(self, fold: int) -> "Draft":
        """Return the run of one of all folds."""
        pick = Pick("", {tuple(FOLD.split(".")): fold}, 0, 0)
        return Draft(
            {name: _with_fold(one, fold) for name, one in self.configs.items()},
            tuple(
                (option, str(fold) if option_of_key((option,)) == FOLD else text)
                for option, text in self.options
            ),
            {**self.settings, "data": {**self.settings["data"], "fold": fold}},
            {**self.picks, ("fold",): pick},
        )


def _with_fold(config: Any, fold: int) -> Any:  # noqa: ANN401
    """Return a config with the number of a fold for all of them."""
    if not isinstance(config, dict):
        return config
    return {
        key: fold
        if key == "fold" and one == ALL
        else _with_fold(one, fold)
        if key in ("fit", "data", "init_args")
        else one
        for key, one in config.items()
    }


def config_of(path: Path) -> Document:
    """Return a config file.

    Raises:
        CrossEmoError: It is no config.
        OSError: It can't be read.
    """
    text = read(path)
    return Document(from_here(path), load(text), survey(text), path.parent)


def typed_options(words: Sequence[str]) -> Iterator[Document]:
    """Yield what each typed option sets.

    Raises:
        CrossEmoError: One has no value.
    """
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, text = word.partition("=")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise CrossEmoError(f"{option} needs a value.")
            text = rest.pop(0)
        yield Document(option, {option.removeprefix("--"): _value(text)})


def drafts_of(
    documents: Sequence[Document], options: Sequence[Document]
) -> list[Draft]:
    """Return the runs that configs and typed options stand for, each once.

    Raises:
        ChoiceError: Choices can't be made sense of.
    """
    every = expand([*documents, *options], cache(_included))
    names = _file_names([document.name for document in documents])
    unique: dict[str, Draft] = {}
    for draft in (_draft(one, names) for one in every):
        unique.setdefault(json.dumps(draft.settings, default=str), draft)
    return [*unique.values()]


def _draft(one: Resolved, names: Sequence[str]) -> Draft:
    contents = one.settings[: len(names)]
    typed = one.settings[len(names) :]
    options = tuple(
        (option, value if isinstance(value, str) else dumped(value, flow=True))
        for pair in typed
        for option, value in pair.items()
    )
    settings = merged(contents, [(option, loaded(text)) for option, text in options])
    configs = dict(zip(names, contents, strict=True))
    return Draft(configs, options, settings, _in_effect(one.picks, settings))


def _in_effect(picks: Picks, settings: Mapping[str, Any]) -> Picks:
    """Return what was picked, without what a later config or option overrides."""
    return {
        axis: replace(pick, values=values)
        for axis, pick in picks.items()
        if (values := {k: v for k, v in pick.values.items() if _holds(k, v, settings)})
    }


def _holds(key: Key, value: object, settings: Any) -> bool:  # noqa: ANN401
    """Return whether a setting is what was picked, as far as that can be told."""
    for word in option_of_key(key).split(".") if any(key) else ():
        if isinstance(settings, list) and word.isdigit():
            settings = dict(enumerate(settings)).get(int(word))
        elif isinstance(settings, dict) and word in settings:
            settings = settings[word]
        else:
            return False
    if isinstance(value, dict) or isinstance(settings, dict):
        return True  # which may be merged of several
    return bool(one_form(settings) == one_form(value))


def _value(text: str) -> Any:  # noqa: ANN401
    """Return what was typed; choices as what they say."""
    value = loaded(text)
    return value if _has_choice(value) else text


def loaded(text: str) -> Any:  # noqa: ANN401
    """Return what typed text says as YAML; the text where it is none."""
    try:
        return load(text)
    except YAMLRefusal:
        return text


def _has_choice(value: object) -> bool:
    if isinstance(value, dict):
        return any(name in value for name in CHOICES) or _has_choice([*value.values()])
    return isinstance(value, list) and any(map(_has_choice, value))


def _included(value: str, document: Document) -> Document | None:
    """Return the config that a value of another one names."""
    if not value.endswith(ENDINGS):
        return None
    path = document.folder / value
    return config_of(path) if path.is_file() else None


def _file_names(paths: Sequence[str]) -> list[str]:
    """Return a name for each file, whatever folders they lie in."""
    names: list[str] = []
    for path in paths:
        name, number = Path(path).name, 2
        while name in names:
            name, number = f"{number}-{Path(path).name}", number + 1
        names.append(name)
    return names


def dumped(value: object, flow: bool = False) -> str:
    """Return plain values as YAML that `load` reads as the same.

    Args:
        value: The values.
        flow: Whether to write them in one line.
    """
    style: dict[str, Any] = {"sort_keys": False, "allow_unicode": True}
    if flow:
        style |= {"default_flow_style": True, "width": float("inf")}
    text: str = yaml.dump([value] if flow else value, Dumper=_Dumper, **style)
    return text.strip()[1:-1] if flow else text


class _Dumper(yaml.SafeDumper):
    """Writes everything out, and in quotes what would be read as something else."""

    def ignore_aliases(self, data: object) -> bool:
        return True


@cache
def _reads_as_itself(text: str) -> bool:
    return bool(loaded(text) == text)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = _reads_as_itself(value)
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", value, None if plain else '"'
    )


_Dumper.add_representer(str, _text)
