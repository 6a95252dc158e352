"""A mistyped value is refused before anything runs: by LightningCLI's own parser."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crossemo.commands.configs import name_origin
from crossemo.commands.experiment import Experiment
from crossemo.commands.launch import choose_experiment, parser_of
from crossemo.commands.options import ExperimentParser
from crossemo.commands.parser import Parser
from crossemo.data.datamodule import EmotionDataModule
from crossemo.errors import CrossEmoError, crossemo_sentence
from crossemo.files import write_text
from crossemo.grids.drafts import Draft
from crossemo.grids.expansion import CHOICES, Document
from crossemo.grids.labels import WHOLE, Naming

Settings = dict[str, Any]

_parsers: dict[type, ExperimentParser] = {}  # by what is run


class Validation:
    """Parses runs as `fit` will, with messages that name the files of the grid.

    Args:
        configs: The configs that the runs are made of.
    """

    def __init__(self, configs: Sequence[Document]) -> None:
        self._configs = configs

    def check(self, drafts: Sequence[Draft], naming: Naming) -> None:
        """Refuse what can't be run: a value that no option takes, a fold too many.

        Of many runs, so many are parsed that each value was once.

        Raises:
            CrossEmoError: A run's data can't be what they are asked to be.
            SystemExit: An option is wrong, which has been said.
        """
        checked: dict[str, Sequence[int]] = {}
        for draft in _covering(drafts, naming):
            settings = self.parse(draft)["data"]
            arguments = dict(settings["init_args"])
            fold = arguments.pop("fold", 0)
            key = json.dumps([settings["class_path"], arguments], default=str)
            if key not in checked or (checked[key] and fold not in checked[key]):
                try:
                    data = data_of(settings)
                    data.partition(progress=True)
                except CrossEmoError as error:
                    label = naming.label(draft.picks)
                    sentence = f"{label}: {error}" if label else str(error)
                    raise CrossEmoError(sentence) from error
                checked[key] = data.fold_numbers()

    def parse(self, draft: Draft) -> Settings:
        """Return all settings of a run, defaults too.

        Raises:
            CrossEmoError: The model can't be run.
            SystemExit: An option is wrong, which has been said.
        """
        with TemporaryDirectory(prefix="crossemo-") as folder:
            for (name, text), config in zip(
                draft.texts().items(), self._configs, strict=True
            ):
                write_text(Path(folder, name), text)
                name_origin(Path(folder, name), Path(config.name), _lines(config))
            words = draft.words(Path(folder))
            with _typed(["fit", *words]):
                parser = _parser_of(choose_experiment(sys.argv[1:]))
                parsed = parser.parse_args(sys.argv[1:])
        settings: Settings = parsed["fit"].as_dict()
        return settings


def _parser_of(kind: type[Experiment]) -> ExperimentParser:
    """Return the parser of fits of a kind, which takes time to build."""
    if kind not in _parsers:
        _parsers[kind] = parser_of(kind)
    return _parsers[kind]


def data_of(settings: Mapping[str, Any]) -> EmotionDataModule:
    """Return the data of a run, whose corpora are there.

    Args:
        settings: The section `data` of its settings.

    Raises:
        CrossEmoError: There can be no such data.
    """
    parser = Parser(prog="crossemo grid")
    parser.add_subclass_arguments(EmotionDataModule, "data")
    parsed = parser.parse_object({"data": dict(settings)})
    try:
        data: EmotionDataModule = parser.instantiate_classes(parsed)["data"]
    except ValueError as error:  # jsonargparse's own, with ours behind it
        if (sentence := crossemo_sentence(error)) is None:
            raise
        raise CrossEmoError(sentence) from error
    for corpus in data.roles.values():
        corpus.prepare()
    return data


def _covering(drafts: Sequence[Draft], naming: Naming) -> Iterator[Draft]:
    """Yield drafts until each value of each axis has been there, in each config."""
    covered: set[tuple[object, ...]] = set()
    for draft in drafts:
        axes = naming.axes(draft.picks)
        kind = (axes.get(WHOLE), *axes)
        values: set[tuple[object, ...]] = {(kind, *pair) for pair in axes.items()}
        values.add((kind,))
        if values - covered:
            covered |= values
            yield draft


@contextmanager
def _typed(words: Sequence[str]) -> Iterator[None]:
    """Have `sys.argv` be another command, as LightningCLI and its messages read it."""
    before = sys.argv
    sys.argv = ["crossemo", *words]
    try:
        yield
    finally:
        sys.argv = before


def _lines(config: Document) -> dict[str, int]:
    """Return the line of each key as it is without choices.

    Where whole configs are chosen from, one key has many lines.
    """
    lines: dict[str, int] = {}
    for key, line in config.lines.items():
        words = key.split(".")
        if words[0] not in CHOICES:
            plain = [word for word in words if word not in CHOICES]
            lines.setdefault(".".join(plain), line)
    return lines
