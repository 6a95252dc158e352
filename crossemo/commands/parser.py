"""A parser whose errors are one sentence."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, Namespace
from jsonargparse.typing import restricted_number_type

from crossemo.commands import unknown
from crossemo.commands.configs import install, read_settings
from crossemo.commands.foreign import foreign_refusal
from crossemo.commands.sentences import explain, name_of_command

install()
Threads = restricted_number_type("Threads", int, [(">", 0), ("<=", 1024)])


def add_strict(parser: ArgumentParser) -> None:
    """Add the option that refuses weights that know the corpora they're judged by."""
    parser.add_argument(
        "--strict",
        type=bool,
        nargs="?",
        const=True,
        default=False,
        help="Refuse an encoder or a model that was trained on a corpus by which it "
        "would be judged, as far as that is published; otherwise it is marked.",
    )


class Parser(ArgumentParser):
    """jsonargparse's parser, which says what is wrong in one sentence."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Say what is wrong and exit with 2."""
        if not self.exit_on_error:  # inside another one, which knows more
            super().error(message, ex)
        refuse(self, message, ex)

    def parse_args(  # type: ignore[override]
        self,
        *typed: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> Namespace:
        """Parse what was typed; say in a sentence whatever jsonargparse fails at."""
        try:
            settings: Namespace = super().parse_args(*typed, **options)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            if not self.exit_on_error or foreign_refusal(error) is None:
                raise
            self.error(str(error), error)
        return settings

    def parse_path(self, path: Any, *rest: Any, **options: Any) -> Namespace:  # noqa: ANN401
        """Parse a config file, which holds settings by name."""
        read_settings(Path(path))
        settings: Namespace = super().parse_path(path, *rest, **options)
        return settings

    def names(self) -> Iterator[str]:
        """Yield the names of all options."""
        yield from (action.dest for action in self._actions)


def refuse(
    parser: argparse.ArgumentParser, message: str, error: Exception | None = None
) -> NoReturn:
    """Say what is wrong in one sentence and exit with 2.

    Args:
        parser: The parser, of jsonargparse or not.
        message: What it would print.
        error: What was raised.
    """
    _, *words = parser.prog.replace(" [options]", "").split()
    command = " ".join(["crossemo", *words])
    if name := name_of_command(message):
        sentence = unknown(name)
    else:
        plain = (action.dest for action in parser._actions)
        names = parser.names() if isinstance(parser, Parser) else plain
        usage = " ".join([command, *_needed(parser)])
        sentence = explain(message, error, list(names), sys.argv[1:], usage)
    try:
        parser.exit(2, f"crossemo: {sentence}\nAll options: {command} --help\n")
    except SystemExit as exit:
        exit.add_note(sentence)  # for who runs this command
        raise


def _needed(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield what a command can't do without, as it is typed."""
    for action in parser._actions:
        if action.required:
            name = action.dest.rpartition(".")[2].upper()
            yield " ".join([*action.option_strings[:1], name])
            if action.nargs == "+":
                yield "…"
