"""The command line: `lightning fit --config …`, `crossemo …`, `python -m crossemo`."""

import errno
import logging
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from jsonargparse import ArgumentParser
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from rich.console import Console

from crossemo import cache
from crossemo.commands.compare import compare_runs
from crossemo.commands.download import download
from crossemo.commands.experiment import RunConfig
from crossemo.commands.fad import compare_folders
from crossemo.commands.layerwise import Layerwise, asks_for_probes
from crossemo.commands.parser import Parser
from crossemo.commands.recognition import Recognition
from crossemo.data.datamodules import EmotionDataModule
from crossemo.errors import CrossEmoError, own_sentence
from crossemo.probes import LayerwiseProbes
from crossemo.recognizer import EmotionRecognizer
from crossemo.report.tables import cache_table
from crossemo.version import __version__

DESCRIPTION = f"""crossemo {__version__}: emotion in speech and in music through
self-supervised encoders. Besides the commands below, `crossemo download ravdess DIR`
fetches the RAVDESS corpus, and `crossemo fad SPEECH MUSIC` measures how far two folders
of audio lie apart; `crossemo compare RUN RUN` compares encoders layer by layer;
`crossemo cache` shows what is kept between runs."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(args: Sequence[str] | None = None) -> None:
    """Run crossemo from the command line.

    Args:
        args: What was typed behind the command's name; `sys.argv` if left out.
    """
    typed = sys.argv[1:] if args is None else list(args)
    _quieten()
    try:
        if typed[:1] == ["download"]:
            _download(typed[1:])
        elif typed[:1] == ["fad"]:
            _compare(typed[1:])
        elif typed[:1] == ["compare"]:
            _compare_runs(typed[1:])
        elif typed[:1] == ["cache"]:
            _cache(typed[1:])
        else:
            _run(typed)
    except MisconfigurationException as error:
        sys.exit(f"crossemo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        sys.exit(
            "crossemo: There is no space left to write to. What was saved before is "
            "whole: make room and go on with --ckpt_path last."
        )
    except ValueError as error:
        # jsonargparse keeps only the text of what a class among several refuses.
        shared = re.search(r"- (.+ may be in one part only\.)", str(error))
        if sentence := own_sentence(error) or (shared and shared[1]):
            sys.exit(f"crossemo: {sentence}")
        raise


def _run(typed: list[str]) -> None:
    # In sys.argv, because Lightning starts the other processes of a run with it.
    sys.argv[1:] = [_shipped_config(argument) for argument in typed]
    layerwise = asks_for_probes(sys.argv[1:])
    if layerwise and typed[:1] != ["fit"]:
        raise CrossEmoError("LayerwiseProbes are judged at the end of fit: say fit.")
    experiment = Layerwise if layerwise else Recognition
    experiment(
        LayerwiseProbes if layerwise else EmotionRecognizer,
        EmotionDataModule,
        subclass_mode_model=layerwise,
        subclass_mode_data=True,
        parser_class=Parser,
        auto_configure_optimizers=False,
        load_from_checkpoint_support=False,
        seed_everything_default=0,
        trainer_defaults=experiment.defaults,
        parser_kwargs={"description": DESCRIPTION, "version": __version__},
        save_config_callback=RunConfig,
    )


def _quieten() -> None:
    """Say what crossemo has to say, and nothing that a user can't mend."""
    own = logging.getLogger("crossemo")
    own.setLevel(
        logging.WARNING if getattr(rank_zero_only, "rank", 0) else logging.INFO
    )
    if not own.handlers:
        own.addHandler(logging.StreamHandler())
    warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated", FutureWarning)
    warnings.filterwarnings("ignore", "Found .* in eval mode")  # as frozen ones are
    warnings.filterwarnings("ignore", ".*not supported by the model summary")
    warnings.filterwarnings("ignore", "Sparse invariant checks")  # of peft's SHiRA
    # The scores come from the state of all processes and are the same in each.
    warnings.filterwarnings("ignore", "It is recommended to use `self.log")
    warnings.filterwarnings("ignore", "You called `self.log.*but have no logger")
    warnings.filterwarnings("ignore", "The dirpath has changed")  # as each test's does
    # A run that goes on at the end of its last epoch has nothing left of it.
    warnings.filterwarnings("ignore", "Total length of .* across ranks is zero")
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch"):
        # Advertisements for other products.
        logging.getLogger(name).addFilter(lambda record: "Tip:" not in record.msg)


def _download(typed: list[str]) -> None:
    parser = ArgumentParser(prog="crossemo download")
    parser.add_argument("corpus", choices=["ravdess"], help="Which corpus.")
    parser.add_argument("directory", type=Path, help="Folder to unpack it in.")
    chosen = parser.parse_args(typed)
    download(chosen.corpus, chosen.directory)


def _compare(typed: list[str]) -> None:
    parser = ArgumentParser(prog="crossemo fad")
    parser.add_function_arguments(compare_folders, as_positional=True)
    parser.add_argument("--threads", type=int | None, help="CPU threads.")
    chosen = parser.instantiate_classes(parser.parse_args(typed)).as_dict()
    if threads := chosen.pop("threads"):
        torch.set_num_threads(threads)
    compare_folders(**chosen)


def _compare_runs(typed: list[str]) -> None:
    parser = ArgumentParser(prog="crossemo compare")
    parser.add_argument(
        "runs", nargs="+", type=Path, help="Folders of runs, logs/NAME/version_K."
    )
    parser.add_function_arguments(compare_runs, skip={"runs"})
    chosen = parser.instantiate_classes(parser.parse_args(typed)).as_dict()
    compare_runs(**chosen)


def _cache(typed: list[str]) -> None:
    parser = ArgumentParser(
        prog="crossemo cache",
        description="Shows what crossemo keeps, or removes it: it is made again when "
        "it is needed. CROSSEMO_CACHE says where it lies.",
    )
    parser.add_argument(
        "--clear",
        nargs="*",
        choices=cache.KINDS,
        help="Remove these kinds; all if none is named.",
    )
    chosen = parser.parse_args(typed)
    if chosen.clear is not None:
        freed = cache.clear(chosen.clear or cache.KINDS)
        print(f"{freed / 1e6:.1f} MB freed in {cache.cache_dir()}.")
        return
    Console().print(cache_table(cache.entries()))
    print(f"In {cache.cache_dir()}; crossemo cache --clear removes it.")


def _shipped_config(argument: str) -> str:
    """Return the config of that name that came with crossemo, where none lies here."""
    option, equals, value = argument.rpartition("=")
    if equals and option in ("-c", "--config"):
        return f"{option}={_shipped_config(value)}"
    path = Path(argument)
    if path.suffix not in (".yaml", ".yml") or path.exists():
        return argument
    here = Path(__file__).parent
    for folder in (here / "configs", here.parent / "configs"):
        name = path.relative_to("configs") if path.parts[:1] == ("configs",) else path
        if (folder / name).is_file():
            return str(folder / name)
    return argument
