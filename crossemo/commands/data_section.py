"""A parser for commands that take the data of any config, such as one of a fit."""

from typing import Any, ClassVar

import yaml
from jsonargparse import Namespace

from crossemo.commands.configs import load
from crossemo.commands.options import ExperimentParser


class DataParser(ExperimentParser):
    """Takes the section `data` of a config alone, unless the config is the command's.

    Attributes:
        own: The sections by which a config is known for the command's.
    """

    own: ClassVar[frozenset[str]] = frozenset({"audit"})

    def parse_string(self, content: str, *rest: Any, **options: Any) -> Namespace:  # noqa: ANN401
        """Parse a config."""
        settings = load(content)
        named = settings.keys() if isinstance(settings, dict) else set()
        if "data" in named and not self.own & named:
            section = {"data": settings["data"]}
            content = yaml.safe_dump(section, allow_unicode=True, sort_keys=False)
        parsed: Namespace = super().parse_string(content, *rest, **options)
        return parsed
