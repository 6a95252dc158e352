"""What LightningCLI runs: recognition in stages, or probes of all layers."""

import logging
import re
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from functools import partial
from inspect import isclass
from pathlib import Path

from lightning import Callback
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.distributed import DistError

from crossemo.commands.all_folds import grid_words, wants_all_folds
from crossemo.commands.alternatives import arguments_of, object_at
from crossemo.commands.configs import forget, given, read_settings
from crossemo.commands.experiment import Experiment, RunConfig
from crossemo.commands.foreign import is_lightnings
from crossemo.commands.imports import load
from crossemo.commands.layerwise import Layerwise
from crossemo.commands.options import ExperimentParser
from crossemo.commands.recognition import Recognition
from crossemo.data.datamodules import EmotionDataModule
from crossemo.data.loader_errors import loading
from crossemo.errors import CrossEmoError
from crossemo.version import __version__

# As gloo says it, in a plain RuntimeError.
_PEER_GONE = re.compile("gloo.*(closed by peer|reset by peer|refused|[Tt]imed out)")


def launch(typed: Sequence[str], observers: Sequence[Callback] = ()) -> None:
    """Run a command of LightningCLI.

    Args:
        typed: The command and what was typed behind it.
        observers: Callbacks besides those of the config, which doesn't mention them.

    Raises:
        CrossEmoError: The model is none of crossemo's, or a setting is wrong.
    """
    if getattr(rank_zero_only, "rank", 0):
        logging.getLogger("crossemo").setLevel(logging.WARNING)
    # In sys.argv, because Lightning starts the other processes of a run with it.
    sys.argv[1:] = [shipped_config(word) for word in typed]
    if wants_all_folds(sys.argv[1:]):
        load("grid").main(grid_words(sys.argv[1:]))
        return
    experiment = choose_experiment(sys.argv[1:])
    try:
        with loading():
            _begin(experiment, experiment, observers)
    except (MisconfigurationException, ModuleNotFoundError, ValueError) as error:
        if isinstance(error, CrossEmoError) or not is_lightnings(error):
            raise
        raise CrossEmoError(" ".join(str(error).split())) from error
    except RuntimeError as error:
        if not isinstance(error, DistError) and not _PEER_GONE.search(str(error)):
            raise
        raise CrossEmoError(
            "Another process of this run ended, killed or by an error of its own, so "
            "all end: what was saved before is whole, go on with --ckpt_path last."
        ) from error
    except SystemExit as exit:
        if code := _interrupted(exit):
            raise SystemExit(code) from exit
        raise


def _begin(
    experiment: type[Experiment],
    kind: type[Experiment],
    observers: Sequence[Callback] = (),
) -> None:
    experiment(
        experiment.model_type,
        EmotionDataModule,
        subclass_mode_model=kind is Layerwise,
        subclass_mode_data=True,
        parser_class=ExperimentParser,
        auto_configure_optimizers=False,
        load_from_checkpoint_support=False,
        seed_everything_default=0,
        trainer_defaults=experiment.defaults | {"callbacks": [*observers]},
        parser_kwargs={"version": __version__},
        save_config_callback=RunConfig,
    )


class _Built(Exception):  # noqa: N818 (no error)
    """A parser was built, which was all that was wanted."""


def parser_of(kind: type[Experiment]) -> ExperimentParser:
    """Return the parser of `sys.argv` for a kind of experiment, none of which is run.

    Args:
        kind: What `choose_experiment` returns for the command line.
    """

    def keep(experiment: Experiment, parser: ExperimentParser, args: object) -> None:
        raise _Built(parser)

    try:
        _begin(type(kind.__name__, (kind,), {"parse_arguments": keep}), kind)
    except _Built as built:
        parser: ExperimentParser = built.args[0]
    return parser


def _interrupted(exit: SystemExit) -> int:
    """Return the customary status of a run that a signal ended; 0 if none did."""
    if isinstance(exit, SIGTERMException):
        # Lightning kills all processes as soon as one that it started ends with another
        # status than 0, even while the first one is still saving.
        return 128 + signal.SIGTERM if not getattr(rank_zero_only, "rank", 0) else 0
    return 128 + signal.SIGINT if isinstance(exit.__context__, KeyboardInterrupt) else 0


def choose_experiment(typed: Sequence[str]) -> type[Experiment]:
    """Return the kind of experiment whose model a command line names.

    The kinds have different options, so this is known before there is a parser of them.
    One LightningCLI for both, with `subclass_mode_model`, would hide the options of the
    model from `fit --help` and want a `class_path` in every YAML.

    Args:
        typed: The command and what was typed behind it.

    Raises:
        CrossEmoError: There is no such model, or the command can't run it.
    """
    forget()
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    for kind, options in (
        ("config", ("-c", "--config")),
        ("model", ("--model", "--model.class_path")),
    ):
        parser.add_argument(
            *options, dest="words", nargs="?", type=partial(_of, kind), action="append"
        )
    words = [pair for pair in parser.parse_known_args(typed)[0].words or [] if pair]
    configs = [Path(word) for kind, word in words if kind == "config"]
    models = [
        _model_in(Path(word)) if kind == "config" else _class_of(word, Path())
        for kind, word in words
    ]
    keys = given(typed, configs)
    _refuse_choices(typed[0], keys)
    _refuse_linked(keys)
    if not (names := list(filter(None, models))):
        return Recognition
    model_type = object_at(names[-1])
    if not (isclass(model_type) and issubclass(model_type, Layerwise.model_type)):
        raise CrossEmoError(
            f"There is no model {names[-1].rpartition('.')[2]}: choose "
            f"{Layerwise.model_type.__name__}, or name none to recognise emotion in "
            "stages."
        )
    if typed[0] not in Layerwise.subcommands():
        raise CrossEmoError("LayerwiseProbes are judged at the end of fit: say fit.")
    _refuse_training(keys)
    return Layerwise


def _of(kind: str, word: str) -> tuple[str, str]:
    return kind, word


def _refuse_choices(command: str, keys: Mapping[str, str]) -> None:
    """Refuse a config that stands for many runs.

    Raises:
        CrossEmoError: A value of it is a choice.
    """
    for key, place in keys.items():
        *above, last = key.split(".")
        if last in ("grid", "zip"):
            raise CrossEmoError(
                f"{'.'.join(above) or 'The whole config'}{place} lists choices, and "
                f"{command} runs one: say crossemo grid for all of them."
            )


def _refuse_linked(keys: Mapping[str, str]) -> None:
    """Refuse what would be overridden silently.

    Raises:
        CrossEmoError: A setting is given that follows from others.
    """
    for key, origin in Experiment.linked.items():
        if key in keys:
            raise CrossEmoError(
                f"{key}{keys[key]} follows from {origin} and can't be given apart: "
                "leave it out."
            )


def _refuse_training(keys: Mapping[str, str]) -> None:
    """Refuse to train the encoder below probes.

    Raises:
        CrossEmoError: Stages or a tuning are given.
    """
    model = set(arguments_of("crossemo.EmotionRecognizer")) - set(
        arguments_of("crossemo.LayerwiseProbes")
    )
    strange = {f"model.{name}" for name in model} | {"stages", "fad", "keep_features"}
    for key, place in keys.items():
        if key in strange or key.startswith(("stages.", "fad.")):
            raise CrossEmoError(
                f"LayerwiseProbes keep the encoder frozen and know no {key}{place}: "
                "take it out, or name no model to train in stages."
            )


def shipped_config(word: str) -> str:
    """Return the config of that name that came with crossemo, where none lies here."""
    option, equals, value = word.rpartition("=")
    if equals and option in ("-c", "--config"):
        return f"{option}={shipped_config(value)}"
    path = Path(word)
    if path.suffix not in (".yaml", ".yml") or path.exists():
        return word
    package = Path(__file__).parents[1]
    for folder in (package / "configs", package.parent / "configs"):
        name = path.relative_to("configs") if path.parts[:1] == ("configs",) else path
        if (folder / name).is_file():
            return str(folder / name)
    return word


def _model_in(config: Path) -> str:
    """Return the class of a config's model; empty where there is none.

    Raises:
        CrossEmoError: It is no config.
    """
    try:
        content = read_settings(config)
    except OSError:
        return ""  # which the parser says better
    content = content.get("fit", content)
    model = content.get("model") if isinstance(content, dict) else None
    return _class_of(model, config.parent)


def _class_of(model: object, folder: Path) -> str:
    """Return the class of a model that is a class, its settings or a file of them."""
    if isinstance(model, str) and Path(model).suffix in (".yaml", ".yml"):
        try:
            model = read_settings(folder / model)
        except OSError:
            return ""
    name = model.get("class_path", "") if isinstance(model, dict) else model
    return str(name or "")
