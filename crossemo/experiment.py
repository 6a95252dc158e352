"""What a command does with a config: data, model, trainer, stages and results."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jsonargparse.typing import PositiveInt
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch.cli import (
    LightningArgumentParser,
    LightningCLI,
    SaveConfigCallback,
)
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_info
from rich.console import Console

import crossemo.corpora  # noqa: F401 (its classes may be named in a config by bare name)
from crossemo.callbacks.adapters import AdapterWriter
from crossemo.callbacks.checkpoints import LastCheckpoint
from crossemo.callbacks.course import Course
from crossemo.callbacks.fad import FrechetAudioDistance
from crossemo.callbacks.features import KeptFeatures
from crossemo.callbacks.layer_weights import LayerWeights
from crossemo.callbacks.predictions import PredictionWriter
from crossemo.callbacks.rates import LearningRates
from crossemo.callbacks.requeue import Requeue, job, note_of
from crossemo.callbacks.results import Results
from crossemo.callbacks.stages import StageSwitch, refuse_sharding
from crossemo.callbacks.tensorboard import Board
from crossemo.encoders import CATALOGUE, encoder_facts
from crossemo.errors import CrossEmoError
from crossemo.files import write_text
from crossemo.report.tables import (
    comparisons_table,
    results_table,
    similarity_table,
)
from crossemo.runs import claim_version, find_checkpoint
from crossemo.stages import Stage

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
            "--keep_features",
            type=bool,
            default=True,
            help="Whether an encoder that stays frozen sees each clip only once.",
        )
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
        encoder = config.model.encoder
        if encoder not in CATALOGUE and Path(encoder).is_dir():
            config.model.encoder = str(Path(encoder).resolve())  # found from anywhere
        # Checkpoints name each other by their paths, which must hold in any folder.
        self.folder = Path(config.logs).resolve() / config.name
        if self.subcommand == "fit" and (number := job()) and not config.ckpt_path:
            note = note_of(self.folder, number)
            config.ckpt_path = note.read_text() if note.is_file() else None
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
        if isinstance(config["strategy"], str):
            refuse_sharding(config["strategy"])  # before Lightning does so at length
        recorded = not config["fast_dev_run"]
        if recorded and not config["logger"]:
            version = claim_version(self.folder)
            kwargs["default_root_dir"] = str(self.folder / f"version_{version}")
            if config["logger"] is None:
                kwargs["logger"] = self._loggers(version)
        if SLURMEnvironment.detect() and not config["plugins"]:
            kwargs["plugins"] = SLURMEnvironment(auto_requeue=False)  # see Requeue
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
        for name in self.switch.clock.names:
            if name not in best and not getattr(self.trainer, "fast_dev_run", False):
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
        self.fad = self._get(self.config_init, "fad")
        frames = self.fad.enabled and self.fad.unit != "clips"
        if recorded and self._get(self.config_init, "keep_features") and not frames:
            callbacks.append(KeptFeatures(stages))
        if recorded:
            last = LastCheckpoint(self._get(self.config_init, "save_every_n_steps"))
            callbacks += [LearningRates(), last]
            if job() is not None:
                callbacks.append(Requeue(last, self.folder))
            callbacks += [AdapterWriter(), Course(self.switch.clock)]
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
        if self.subcommand != "fit" and self.fad.measures:
            console.print(similarity_table(self.fad.measures))
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
