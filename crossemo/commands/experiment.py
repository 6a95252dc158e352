"""What all experiments share: a run is named, seeded and logged, and can go on."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.cli import (
    LightningArgumentParser,
    LightningCLI,
    SaveConfigCallback,
)
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from rich.console import Console
from rich.table import Table

from crossemo.callbacks.last import job, note_of
from crossemo.callbacks.lines import MinuteLines
from crossemo.commands.configs import place_of
from crossemo.commands.foreign import foreign_refusal
from crossemo.commands.parser import Threads, add_strict
from crossemo.commands.sentences import name_of_stage
from crossemo.corpora import corpus_classes
from crossemo.encoders import CATALOGUE, encoder_facts
from crossemo.encoders.user_code import names_code
from crossemo.errors import CrossEmoError, crossemo_sentence
from crossemo.files import expanded, from_here, write_text
from crossemo.report.tables import show, title_of
from crossemo.runs.board import Board, Metrics
from crossemo.runs.effort import Effort
from crossemo.runs.folder import claim_version, find_checkpoint, folder_of_runs
from crossemo.stages.refusals import refuse_sharding
from crossemo.tasks import task_classes

_LEAST = {  # of what Lightning takes, and divides by
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "gradient_clip_val": 0,
    "log_every_n_steps": 0,
}
corpus_classes(), task_classes()  # whose bare names a config may use


class Experiment(LightningCLI):
    """LightningCLI that names, seeds and records a run on corpora.

    Attributes:
        model_type: Class of the model, or the base of its class.
        settings: Where in a config the model's settings stand.
        defaults: What the trainer does unless it is told otherwise.
        linked: Settings that follow from others, and from which.
        folder: Folder of the runs of this name.
    """

    model_type: ClassVar[type[LightningModule]]
    settings: ClassVar[str] = "model"
    defaults: ClassVar[dict[str, Any]] = {}
    linked: ClassVar[dict[str, str]] = {
        "data.sampling_rate": "model.encoder",
        "data.min_samples": "model.encoder",
        "data.seed": "seed_everything",
        "model.seed": "seed_everything",
        "model.classes": "data.task",
        "model.task": "data.task",
    }

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the command that is run, as a parser of each takes its time."""
        commands = LightningCLI.subcommands()
        return {name: commands[name] for name in sys.argv[1:2] if name in commands} or (
            commands
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run's name and link what model and data agree on."""
        parser.add_argument(
            "--name",
            type=str | None,
            default=None,
            help="Folder of the runs below `logs`; the config's name if left out.",
        )
        parser.add_argument(
            "--threads",
            type=Threads | None,
            default=None,
            help="CPU threads of each process; torch's choice if left out. Small "
            "models on busy machines are fastest with 1.",
        )
        parser.add_argument("--logs", type=str, default="logs", help="Folder of logs.")
        add_strict(parser)
        parser.add_argument(
            "--figures",
            type=bool,
            default=True,
            help="Whether to draw; the tables hold what figures show.",
        )
        for fact in ("sampling_rate", "min_samples"):
            parser.link_arguments(
                f"{self.settings}.encoder",
                f"data.init_args.{fact}",
                compute_fn=_fact(fact),
            )
        parser.link_arguments(
            "data.classes", f"{self.settings}.classes", apply_on="instantiate"
        )
        for seeded in (f"{self.settings}.seed", "data.init_args.seed"):
            parser.link_arguments("seed_everything", seeded, compute_fn=_seed)

    def before_instantiate_classes(self) -> None:
        """Take no more threads than asked for; name the run; find the checkpoint."""
        self.effort = Effort()
        config = self.config[self.subcommand]
        if config.threads:
            torch.set_num_threads(config.threads)
        stems = [Path(str(file)).stem for file in config.config or []]
        if config.name is None:
            config.name = "-".join(stems) or str(self.subcommand)
        data = config.data.init_args
        if data.get("labels") is not None and data.task == "shared6":
            data.task, data.labels = data.labels, None  # by its name from now on
        encoder = config[f"{self.settings}.encoder"]
        if encoder not in CATALOGUE and os.path.isdir(folder := expanded(encoder)):
            # found from anywhere
            config[f"{self.settings}.encoder"] = os.path.realpath(folder)
        elif names_code(encoder):
            file, colon, name = encoder.rpartition(":")
            path = os.path.realpath(expanded(file))
            config[f"{self.settings}.encoder"] = path + colon + name
        # Checkpoints name each other by their paths, which must hold in any folder.
        self.folder = folder_of_runs(config.logs, config.name)
        if self.subcommand == "fit" and (number := job()) and config.ckpt_path is None:
            note = note_of(self.folder, number)
            config.ckpt_path = note.read_text("utf-8") if note.is_file() else None
        if config.ckpt_path is not None:
            config.ckpt_path = find_checkpoint(config.ckpt_path, self.folder)
        elif self.subcommand in ("test", "predict"):
            raise CrossEmoError(
                f"Nothing was learnt that {self.subcommand} could use: give "
                "--ckpt_path, such as logs/NAME/version_0/checkpoints/target.ckpt."
            )

    def instantiate_classes(self) -> None:
        """Build model, data, stages and trainer.

        Raises:
            CrossEmoError: A class that the config names refuses what it is given.
        """
        try:
            super().instantiate_classes()
        except CrossEmoError as error:
            if name := name_of_stage(error):
                place = place_of(f"stages.{name}", sys.argv[1:])
                raise CrossEmoError(f"stages.{name}{place}: {error}") from error
            raise
        except (OSError, MemoryError):
            raise
        except Exception as error:
            if crossemo_sentence(error) or (sentence := foreign_refusal(error)) is None:
                raise
            raise CrossEmoError(sentence) from error
        self.model.strict = self._get(self.config_init, "strict")

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401
        """Build the trainer with the loggers and callbacks of a run."""
        config = self._get(self.config_init, "trainer")
        if isinstance(config["strategy"], str):
            refuse_sharding(config["strategy"])  # before Lightning does so at length
        for name, least in _LEAST.items():
            if config[name] is not None and not config[name] >= least:
                raise CrossEmoError(
                    f"trainer.{name} is {config[name]}: give {least} or more."
                )
        if config["default_root_dir"]:
            raise CrossEmoError(
                "trainer.default_root_dir would be left empty, as a run has a folder "
                "below logs: give --logs and --name instead."
            )
        recorded = not config["fast_dev_run"]
        if recorded and not config["logger"]:
            kind = "version" if self.subcommand == "fit" else str(self.subcommand)
            version = f"{kind}_{claim_version(self.folder, kind)}"
            kwargs["default_root_dir"] = str(self.folder / version)
            if config["logger"] is None:
                kwargs["logger"] = self._loggers(version)
        if SLURMEnvironment.detect() and not config["plugins"]:
            kwargs["plugins"] = SLURMEnvironment(auto_requeue=False)  # see Requeue
        configured = config["callbacks"] or []
        configured = configured if isinstance(configured, list) else [configured]
        kwargs["callbacks"] = [*configured, *self.run_callbacks(recorded)]
        barred = any(isinstance(one, ProgressBar) for one in configured)
        if not (barred or config["enable_progress_bar"] is False or _on_terminal()):
            kwargs["callbacks"].append(MinuteLines())
        return super().instantiate_trainer(**kwargs)

    def run_callbacks(self, recorded: bool) -> list[Callback]:
        """Return the callbacks of a run of this kind.

        Args:
            recorded: Whether the run leaves anything; one that only tries out doesn't.
        """
        return []

    def show(self, *tables: Table, mark: str = "") -> None:
        """Show tables, what a reader of them must know, and where the results are.

        Args:
            tables: The tables.
            mark: What stands above each of them: what the weights know of the clips.
        """
        folder = self.trainer.log_dir  # asks the first process, so all must take part
        if not self.trainer.is_global_zero:
            return
        for table in tables:
            table.title = title_of([mark]) or table.title
            show(table)
        if mark and not tables:  # what Lightning shows of a validation has no title
            Console().print(title_of([mark]))
        notes = [corpus.note for corpus in self.datamodule.roles.values()]
        for note in dict.fromkeys(filter(None, notes)):
            print(note)
        if folder is not None:
            print(f"Results: {from_here(folder)}")
        for logger in self.trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logs = from_here(Path(logger.root_dir).parent)
                print(f"To look at them: tensorboard --logdir {logs}")

    def _parse_ckpt_path(self) -> None:
        """Leave the config as it is: what was asked for is never changed silently."""

    def _loggers(self, version: str) -> list[Logger]:
        logs, name = self.folder.parent, self.folder.name
        # Metrics first: it warns of a folder that something else has written to.
        return [
            Metrics(logs, name, version),
            Board(logs, name, version),
        ]


def _on_terminal() -> bool:
    """Return whether Lightning's bar would be seen, and not fill a log."""
    return Console().is_terminal


class RunConfig(SaveConfigCallback):
    """Saves the settings of a run so that they begin it anew, wherever it went on."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save them, those of a fit when it is known that it may go on."""
        if stage != "fit":
            self._save(trainer)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save them, without the checkpoint that the run goes on from."""
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        folder = trainer.log_dir  # asks the first process, so all must take part
        if trainer.is_global_zero and folder is not None and not self.already_saved:
            config = self.config.clone()
            config.ckpt_path = None
            text = self.parser.dump(config, skip_none=False)
            write_text(Path(folder) / self.config_filename, text)
        self.already_saved = True


def _seed(seed: bool | int) -> int:
    """Return the seed of the order of the clips and of random weights."""
    if seed is True:
        raise CrossEmoError(
            "seed_everything is true: give a number, so that the run can be repeated."
        )
    if not 0 <= seed < 2**32:
        raise CrossEmoError(
            f"seed_everything is {seed}: give a number from 0 to 4294967295."
        )
    return int(seed)


def _fact(name: str) -> Callable[[str], int]:
    def compute(encoder: str) -> int:
        value: int = getattr(encoder_facts(encoder), name)
        return value

    return compute
