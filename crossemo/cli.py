"""The command line: `lightning fit --config …`, `crossemo …`, `python -m crossemo`."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveInt
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import (
    LightningArgumentParser,
    LightningCLI,
    SaveConfigCallback,
)
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_info
from rich.console import Console

import crossemo.corpora  # noqa: F401 (its classes may be named in a config by bare name)
from crossemo import __version__
from crossemo.callbacks.adapters import AdapterWriter
from crossemo.callbacks.checkpoints import LastCheckpoint
from crossemo.callbacks.course import Course
from crossemo.callbacks.fad import FrechetAudioDistance
from crossemo.callbacks.layer_weights import LayerWeights
from crossemo.callbacks.predictions import PredictionWriter
from crossemo.callbacks.rates import LearningRates
from crossemo.callbacks.results import Results
from crossemo.callbacks.stages import StageSwitch
from crossemo.callbacks.tensorboard import Board
from crossemo.corpora.download import download
from crossemo.data.datamodules import EmotionDataModule
from crossemo.encoders import encoder_facts
from crossemo.errors import CrossEmoError, own_sentence
from crossemo.files import write_text
from crossemo.parser import Parser
from crossemo.recognizer import EmotionRecognizer
from crossemo.report.tables import comparisons_table, results_table
from crossemo.runs import claim_version, find_checkpoint
from crossemo.stages import Stage

DESCRIPTION = f"""crossemo {__version__}: emotion in speech and in music through
self-supervised encoders. Besides the commands below, `crossemo download ravdess DIR`
fetches the RAVDESS corpus."""

TRAINER_DEFAULTS = {
    "max_epochs": -1,  # the stages know
    "gradient_clip_val": 1.0,
    "log_every_n_steps": 1,  # emotion corpora make short epochs
    "num_sanity_val_steps": 0,
    "use_distributed_sampler": False,  # the data's own sampler counts every clip once
}


class CrossEmoCLI(LightningCLI):
    """LightningCLI that joins corpora, an encoder, stages and distances."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run's name, the stages and the distances, and link what agrees."""
        parser.add_argument(
            "--name",
            type=str | None,
            default=None,
            help="Folder of the runs below `logs`; the config's name if left out.",
        )
        parser.add_argument(
            "--threads",
            type=PositiveInt | None,
            default=None,
            help="CPU threads of each process; torch's choice if left out. Small "
            "models on busy machines are fastest with 1.",
        )
        parser.add_argument("--logs", type=str, default="logs", help="Folder of logs.")
        parser.add_argument(
            "--save_every_n_steps",
            type=PositiveInt | None,
            default=None,
            help="Optimizer steps after which last.ckpt is written anew, besides the "
            "end of every epoch; for epochs that take long.",
        )
        parser.add_argument(
            "--stages",
            type=dict[str, Stage],
            default={},
            help="Stages by name, in order; one for each role of the data if left out.",
        )
        parser.add_lightning_class_args(FrechetAudioDistance, "fad")
        for fact in ("sampling_rate", "min_samples"):
            parser.link_arguments(
                "model.encoder", f"data.init_args.{fact}", compute_fn=_fact(fact)
            )
        parser.link_arguments("data.classes", "model.classes", apply_on="instantiate")
        for seeded in ("model.seed", "data.init_args.seed"):
            parser.link_arguments("seed_everything", seeded, compute_fn=_seed)

    def before_instantiate_classes(self) -> None:
        """Take no more threads than asked for; name the run; find the checkpoint."""
        config = self.config[self.subcommand]
        if config.threads:
            torch.set_num_threads(config.threads)
        stems = [Path(str(file)).stem for file in config.config or []]
        config.name = config.name or "-".join(stems) or str(self.subcommand)
        if Path(config.model.encoder).is_dir():
            config.model.encoder = str(Path(config.model.encoder).resolve())
        # Checkpoints name each other by their paths, which must hold in any folder.
        self.folder = Path(config.logs).resolve() / config.name
        if config.ckpt_path:
            config.ckpt_path = find_checkpoint(config.ckpt_path, self.folder)
        elif self.subcommand in ("test", "predict"):
            raise CrossEmoError(
                f"Nothing was learnt that {self.subcommand} could use: give "
                "--ckpt_path, such as logs/NAME/version_0/checkpoints/target.ckpt."
            )

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401
        """Build the trainer with the loggers and callbacks of a run."""
        config = self._get(self.config_init, "trainer")
        recorded = not config["fast_dev_run"]
        if recorded and not config["logger"]:
            version = claim_version(self.folder)
            kwargs["default_root_dir"] = str(self.folder / f"version_{version}")
            if config["logger"] is None:
                kwargs["logger"] = self._loggers(version)
        configured = config["callbacks"] or []
        configured = configured if isinstance(configured, list) else [configured]
        kwargs["callbacks"] = [*configured, *self._callbacks(recorded)]
        return super().instantiate_trainer(**kwargs)

    def after_fit(self) -> None:
        """Test the best checkpoint of every stage on the data of every role."""
        best = self.switch.best_checkpoints()
        for name, path in best.items():
            self.model.test_name = name
            self.trainer.test(
                self.model, datamodule=self.datamodule, ckpt_path=path, verbose=False
            )
        for name in self.switch.names:
            if name not in best:
                rank_zero_info(
                    f"Stage {name!r} was never validated to its end, so it has no best "
                    "checkpoint to test."
                )
        self._show()

    def after_validate(self) -> None:
        """Say where the results are."""
        self._show()

    def after_test(self) -> None:
        """Show the scores."""
        self._show()

    def after_predict(self) -> None:
        """Say where the predictions are."""
        self._show()

    def _parse_ckpt_path(self) -> None:
        """Leave the config as it is: what was asked for is never changed silently."""

    def _callbacks(self, recorded: bool) -> list[Callback]:
        stages = self._get(self.config_init, "stages")
        stages = stages or {role: Stage() for role in self.datamodule.roles}
        self.switch = StageSwitch(stages, self.model.seed)
        self.results = Results(stages)
        callbacks: list[Callback] = [self.results, LayerWeights(), PredictionWriter()]
        if recorded:
            every = self._get(self.config_init, "save_every_n_steps")
            callbacks += [LearningRates(), LastCheckpoint(every)]
            callbacks += [AdapterWriter(), Course(self.switch)]
        return [*self.switch.callbacks(), *callbacks]

    def _loggers(self, version: int) -> list[Logger]:
        logs, name = self.folder.parent, self.folder.name
        # CSVLogger first: it warns of a folder that something else has written to.
        return [
            CSVLogger(logs, name, version),
            Board(logs, name, version, default_hp_metric=False),
        ]

    def _show(self) -> None:
        folder = self.trainer.log_dir  # asks the first process, so all must take part
        if not self.trainer.is_global_zero:
            return
        console = Console()
        if self.results.content["stages"]:
            console.print(results_table(self.results.content))
        if self.results.content.get("comparisons"):
            console.print(comparisons_table(self.results.content))
        notes = [corpus.note for corpus in self.datamodule.roles.values()]
        for note in dict.fromkeys(filter(None, notes)):
            console.print(note)
        if folder is not None:
            console.print(f"Results: {os.path.relpath(folder)}", soft_wrap=True)
        for logger in self.trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logs = os.path.relpath(Path(logger.root_dir).parent)
                console.print(
                    f"To look at them: tensorboard --logdir {logs}", soft_wrap=True
                )


class RunConfig(SaveConfigCallback):
    """Saves the settings of a run so that they begin it anew, wherever it went on."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save them, without the checkpoint that the run goes on from."""
        folder = trainer.log_dir  # asks the first process, so all must take part
        if trainer.is_global_zero and folder is not None and not self.already_saved:
            config = self.config.clone()
            config.ckpt_path = None
            text = self.parser.dump(config, skip_none=False)
            write_text(Path(folder) / self.config_filename, text)
        self.already_saved = True


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
        else:
            _run(typed)
    except MisconfigurationException as error:
        sys.exit(f"crossemo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except ValueError as error:
        if sentence := own_sentence(error):
            sys.exit(f"crossemo: {sentence}")
        raise


def _run(typed: list[str]) -> None:
    # In sys.argv, because Lightning starts the other processes of a run with it.
    sys.argv[1:] = [_shipped_config(argument) for argument in typed]
    CrossEmoCLI(
        EmotionRecognizer,
        EmotionDataModule,
        subclass_mode_data=True,
        parser_class=Parser,
        auto_configure_optimizers=False,
        load_from_checkpoint_support=False,
        seed_everything_default=0,
        trainer_defaults=TRAINER_DEFAULTS,
        parser_kwargs={"description": DESCRIPTION, "version": __version__},
        save_config_callback=RunConfig,
    )


def _quieten() -> None:
    """Keep what a user can't mend out of the terminal."""
    warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated", FutureWarning)
    warnings.filterwarnings("ignore", "Found .* in eval mode")  # as frozen ones are
    warnings.filterwarnings("ignore", ".*not supported by the model summary")
    warnings.filterwarnings("ignore", "Sparse invariant checks")  # of peft's SHiRA
    # The scores come from the state of all processes and are the same in each.
    warnings.filterwarnings("ignore", "It is recommended to use `self.log")
    warnings.filterwarnings("ignore", "You called `self.log.*but have no logger")
    warnings.filterwarnings("ignore", "The dirpath has changed")  # as each test's does
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch"):
        # Advertisements for other products.
        logging.getLogger(name).addFilter(lambda record: "Tip:" not in record.msg)


def _download(typed: list[str]) -> None:
    parser = ArgumentParser(prog="crossemo download")
    parser.add_argument("corpus", choices=["ravdess"], help="Which corpus.")
    parser.add_argument("directory", type=Path, help="Folder to unpack it in.")
    chosen = parser.parse_args(typed)
    download(chosen.corpus, chosen.directory)


def _seed(asked: bool | int) -> int:
    """Return the seed of the order of the clips and of random weights."""
    if asked is True:
        raise CrossEmoError(
            "seed_everything is true: give a number, so that the run can be repeated."
        )
    return int(asked)


def _fact(name: str) -> Callable[[str], int]:
    def compute(encoder: str) -> int:
        value: int = getattr(encoder_facts(encoder), name)
        return value

    return compute


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
