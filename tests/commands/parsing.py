"""What a command line is answered with, by parsers that are built once."""

import contextlib
import io
import sys
from typing import Any

from crossemo.commands.experiment import Experiment
from crossemo.commands.launch import choose_experiment, launch, shipped_config
from crossemo.commands.layerwise import Layerwise
from crossemo.commands.options import ExperimentParser
from crossemo.errors import CrossEmoError

_PARSERS: dict[str, ExperimentParser] = {}  # as they take a second to build


def refusal(typed: list[str]) -> str:
    """Return the sentence that a command line is refused with; empty if it is not."""
    errors, argv = io.StringIO(), sys.argv
    sys.argv = ["crossemo", *map(shipped_config, typed)]
    try:
        with (
            contextlib.redirect_stderr(errors),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            kind = choose_experiment(sys.argv[1:])
            if kind.__name__ not in _PARSERS:
                _PARSERS[kind.__name__] = _parser_of(kind)
            settings = _PARSERS[kind.__name__].parse_args(sys.argv[1:])
    except CrossEmoError as error:
        return str(error)
    except SystemExit as end:
        return _sentence(errors.getvalue()) if end.code else ""
    finally:
        sys.argv = argv
    assert settings[typed[0]].data is not None
    return ""


def _sentence(text: str) -> str:
    sentence, advice = text.strip().splitlines()
    assert sentence.startswith("crossemo: ")
    assert len(sentence) < 2000, sentence
    assert advice.startswith("All options: crossemo "), advice
    return sentence.removeprefix("crossemo: ")


def _parser_of(kind: type[Experiment]) -> ExperimentParser:
    """Return the parser of a kind of experiment, none of which is run."""
    parsers = []

    class Built(Exception):  # noqa: N818
        pass

    def keep(experiment: Any, parser: ExperimentParser, args: object) -> None:
        parsers.append(parser)
        raise Built

    argv, parse = sys.argv, kind.parse_arguments
    setattr(kind, "parse_arguments", keep)  # noqa: B010
    try:
        sys.argv = ["crossemo", "fit"]
        launch(["fit", *(["--model=LayerwiseProbes"] if kind is Layerwise else [])])
    except Built:
        pass
    finally:
        setattr(kind, "parse_arguments", parse)  # noqa: B010
        sys.argv = argv
    return parsers[0]
