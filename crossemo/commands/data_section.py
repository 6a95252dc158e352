"""A parser for commands that take the data of any config, such as one of a fit."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from jsonargparse import Namespace

from crossemo.commands.all_folds import ALL
from crossemo.commands.configs import load
from crossemo.commands.options import ExperimentParser


class DataParser(ExperimentParser):
    """Takes the data of a config and `strict` alone, unless it is the command's own.

    What stands in it of all folds is left out, see `last_fold`.

    Attributes:
        sections: Those by which a config is known for the command's, if it isn't a
            fit's.
    """

    sections: ClassVar[frozenset[str]] = frozenset({"audit"})

    def parse_string(self, content: str, *rest: Any, **options: Any) -> Namespace:  # noqa: ANN401
        """Parse a config."""
        settings = load(content)
        if isinstance(settings, dict):
            if isinstance(inner := settings.get("fit"), dict):
                settings = {**settings, **inner}
                del settings["fit"]
            others = "trainer" in settings or not self.sections & settings.keys()
            if "data" in settings and others:  # a fit has a trainer
                names = settings.keys() & {"data", "strict"}
                settings = {name: settings[name] for name in names}
            if isinstance(data := settings.get("data"), dict):
                settings["data"] = _without_all(data)
            content = json.dumps(settings, default=str)  # which is YAML too
        parsed: Namespace = super().parse_string(content, *rest, **options)
        return parsed


def _without_all(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data without `fold: all`, which no datamodule knows."""
    left = {k: v for k, v in data.items() if k != "fold" or v != ALL}
    if isinstance(inner := left.get("init_args"), dict):
        left["init_args"] = _without_all(inner)
    return left
