"""The command line: `lightning fit --config …`, `crossemo …`, `python -m crossemo`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from crossemo.commands import table, unknown
from crossemo.commands.imports import load
from crossemo.commands.messages import one_sentence, quieten
from crossemo.commands.streams import open_streams
from crossemo.errors import CrossEmoError
from crossemo.files import printable
from crossemo.version import __version__


def main(args: Sequence[str] | None = None) -> None:
    """Run crossemo from the command line.

    Args:
        args: What was typed behind the command's name; `sys.argv` if left out.
    """
    typed = sys.argv[1:] if args is None else list(args)
    name = typed[0] if typed else "--help"
    open_streams()
    quieten()
    with one_sentence():
        _refuse_vanished_folder()
        _refuse_unreadable(typed)
        if name in table():
            load(name).main(typed[1:])
        elif name in ("-h", "--help"):
            print(_help())
            sys.exit(0)
        elif name == "--version":
            print(f"{_program()} {__version__}")
            sys.exit(0)
        elif name.startswith("-"):  # LightningCLI takes a config before the command too
            load("launch").launch(typed)
        else:
            print(f"crossemo: {unknown(name)}", file=sys.stderr)
            sys.exit(2)


def _refuse_vanished_folder() -> None:
    """Refuse to begin where torch's libraries would end the process at length.

    Raises:
        CrossEmoError: The working folder is no more.
    """
    try:
        os.getcwd()
    except OSError as error:
        raise CrossEmoError(
            "The folder that you are in is no more: change to another one."
        ) from error


def _refuse_unreadable(typed: Sequence[str]) -> None:
    """Refuse names that no config could hold.

    Raises:
        CrossEmoError: What was typed is no text in UTF-8.
    """
    for word in typed:
        try:
            os.fsencode(word).decode("utf-8")
        except UnicodeError as error:
            raise CrossEmoError(
                f"{printable(word)} holds bytes that are not UTF-8: rename it, or give "
                "a link to it that has another name."
            ) from error


def _help() -> str:
    commands = table()
    width = max(map(len, commands))
    rows = [f"  {name:{width}}  {line}" for name, line in commands.items()]
    program = _program()
    return "\n".join(
        [
            f"usage: {program} COMMAND …",
            "",
            f"crossemo {__version__}: emotion in speech and in music through "
            "self-supervised encoders.",
            "",
            *rows,
            "",
            f"{program} COMMAND --help shows the options of a command; "
            f"{program} --version the version.",
        ]
    )


def _program() -> str:
    name = Path(sys.argv[0]).name
    return name if name in ("crossemo", "lightning") else "crossemo"
