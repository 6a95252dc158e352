"""A parser that answers a mistyped name with the names that exist."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from difflib import get_close_matches
from typing import NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from crossemo.commands import unknown
from crossemo.corpora.base import Corpus
from crossemo.data.datamodules import EmotionDataModule
from crossemo.errors import own_sentence
from crossemo.stages.stage import Stage

_NO_COMMAND = re.compile(r"argument subcommand: invalid choice: '([^']*)'")
_NO_CLASS = re.compile(r"Expected a dot import path string: (\S+)")
_KEY = re.compile(r'Parser key "([\w.]+)"')
_CHOICE = re.compile(r"Expected a typing\.Literal\[([^\]]+)\]")
_LISTS = re.compile(r"Subtypes: .*(dict\[str, list\[str\]\]|splits\.Split)")
_NO_OPTION = re.compile(
    r"Option '([\w.]+)' is not accepted|unrecognized arguments: -*([\w.]+)"
)


class Parser(LightningArgumentParser):
    """LightningCLI's parser, whose errors are short and name what there is."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Say what is wrong and exit with 2."""
        if sentence := own_sentence(ex):
            message = sentence
        elif command := _NO_COMMAND.search(message):
            message = unknown(command[1])
        elif "required: fit.data" in message:
            message = "Which data? Give --config, such as demo.yaml, or --data CLASS."
        elif (choices := _CHOICE.findall(message)) and (key := _KEY.search(message)):
            words = ", ".join(choices).replace("'", "").split(", ")
            names = ", ".join(dict.fromkeys(words))
            lists = ", or lists by name: {NAME: [ONE, OTHER], …}"
            more = lists if _LISTS.search(message) else ""
            message = f"{key[1]} is none of {names}: choose one of them{more}."
        elif name := _NO_CLASS.search(message):
            message = f"There is no class {name[1]}: choose {', '.join(_classes())}."
        elif option := _NO_OPTION.search(message):
            message = self._unknown_option(option[1] or option[2])
        self.exit(2, f"crossemo: {message}\nAll options: lightning fit --help\n")

    def _unknown_option(self, name: str) -> str:
        known = {action.dest for action in self._actions} | set(_arguments())
        close = get_close_matches(name, sorted(known), cutoff=0.5)
        advice = f": did you mean {' or '.join(close)}?" if close else "."
        return f"There is no option {name}{advice}"


def _classes() -> list[str]:
    classes = [*_family(Corpus)[1:], *_family(EmotionDataModule)[1:]]
    return [one.__name__ for one in classes if one.__module__.startswith("crossemo.")]


def _arguments() -> Iterator[str]:
    """Yield the names of arguments that are given below a class or a stage."""
    for one in [*_family(Corpus), *_family(EmotionDataModule)]:
        yield from inspect.signature(one).parameters
    yield from (field.name for field in fields(Stage))


def _family(base: type[object]) -> list[type[object]]:
    """Return a class and all classes below it."""
    return [base, *(one for child in base.__subclasses__() for one in _family(child))]
