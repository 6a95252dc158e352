"""The options of an experiment, those of models, data and stages among them."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from lightning.pytorch.cli import LightningArgumentParser

from crossemo.commands.alternatives import arguments_of
from crossemo.commands.parser import Parser
from crossemo.corpora.base import Corpus
from crossemo.data.datamodule import EmotionDataModule
from crossemo.probes import LayerwiseProbes
from crossemo.stages.stage import Stage


class ExperimentParser(Parser, LightningArgumentParser):
    """LightningCLI's parser, which says what is wrong in one sentence."""

    def __init__(
        self,
        *of_jsonargparse: Any,  # noqa: ANN401
        description: str = "",  # not Lightning's, which is of a trainer
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*of_jsonargparse, description=description, **options)

    def names(self) -> Iterator[str]:
        """Yield the names of all options, also of classes that are chosen."""
        names = [action.dest for action in self._actions]
        yield from names
        if "data" in names:
            yield from _inside("data", EmotionDataModule)
            for corpus in Corpus.__subclasses__():
                yield from _inside("data.source", corpus)
        if "model.encoder" not in names:
            yield from _inside("model", LayerwiseProbes)
        if "stages" in names:
            yield from (f"stages.NAME.{field.name}" for field in fields(Stage))


def _inside(key: str, one: type) -> Iterator[str]:
    for name in arguments_of(f"{one.__module__}.{one.__qualname__}"):
        yield f"{key}.{name}"
