"""Cross-validation by a plain fit: `--data.fold all` is a grid over the folds."""

from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from crossemo.commands.configs import read_settings

ALL = "all"
FOLD = ("--data.fold", "--data.init_args.fold")


def wants_all_folds(typed: Sequence[str]) -> bool:
    """Return whether a command line asks for a fit of each fold.

    Args:
        typed: The command and what was typed behind it.

    Raises:
        CrossEmoError: A config is none.
    """
    return bool(typed) and typed[0] == "fit" and last_fold(typed) == ALL


def last_fold(typed: Sequence[str]) -> object:
    """Return the fold that is named last, in a config or behind it; None if none is.

    Args:
        typed: The command and what was typed behind it.

    Raises:
        CrossEmoError: A config is none.
    """
    folds = [
        _fold_in(Path(word)) if kind == "config" else word
        for kind, word in _words(typed)
    ]
    return next((fold for fold in reversed(folds) if fold is not None), None)


def without_all(typed: Sequence[str]) -> list[str]:
    """Return what was typed without `--data.fold all`, which no datamodule knows.

    >>> without_all(["m", "--data.fold", "all", "--data.fold=2", "--data.fold=all"])
    ['m', '--data.fold=2']
    """
    words, left = iter(typed), []
    for word in words:
        option, equals, value = word.partition("=")
        if option not in FOLD:
            left.append(word)
            continue
        value = value if equals else next(words, "")
        left += [f"{option}={value}"] * (value != ALL)
    return left


def grid_words(typed: Sequence[str]) -> list[str]:
    """Return what to type behind `crossemo grid` for a fit of each fold.

    Args:
        typed: `fit` and what was typed behind it.
    """
    words = [*typed[1:]]
    if not any(word.partition("=")[0] == "--name" for word in words):
        stems = [Path(word).stem for kind, word in _words(typed) if kind == "config"]
        words.append(f"--name={'-'.join(stems) or 'fit'}")
    return [*words, "--cross-validation"]


def _words(typed: Sequence[str]) -> list[tuple[str, str]]:
    """Return the configs and the folds that are named, in order."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    for kind, options in (
        ("config", ("-c", "--config")),
        ("fold", FOLD),
    ):
        parser.add_argument(
            *options,
            dest="words",
            nargs="?",
            type=partial(_of, kind),
            action="append",
        )
    return [pair for pair in parser.parse_known_args(typed)[0].words or [] if pair]


def _of(kind: str, word: str) -> tuple[str, str]:
    return kind, word


def _fold_in(config: Path) -> object:
    """Return the fold that a config names; None where it names none."""
    try:
        content = read_settings(config)
    except OSError:
        return None  # which the parser says better
    for key in ("fit", "data", "init_args"):
        inner = content.get(key, content if key != "data" else None)
        if not isinstance(inner, dict):
            return None
        content = inner
    return content.get("fold")
