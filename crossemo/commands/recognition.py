"""Recognition in stages: data, model, trainer, stages, distances and results."""

from pathlib import Path
from typing import Any, ClassVar, Literal

from jsonargparse.typing import PositiveInt
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser
from lightning.pytorch.utilities import rank_zero_info

from crossemo.callbacks.course import Course, LayerWeights, LearningRates
from crossemo.callbacks.facts import Facts
from crossemo.callbacks.fad import FrechetAudioDistance
from crossemo.callbacks.kept_features import KeptFeatures, Unit
from crossemo.callbacks.last import LastCheckpoint, Requeue, job
from crossemo.callbacks.results import Results
from crossemo.callbacks.writers import AdapterWriter, PredictionWriter
from crossemo.commands.experiment import Experiment
from crossemo.data.clip_tables import PREDICTIONS
from crossemo.data.marks import SIGNS
from crossemo.files import from_here
from crossemo.recognizer import EmotionRecognizer
from crossemo.report.tables import (
    comparisons_table,
    reliability_table,
    results_table,
    similarity_table,
)
from crossemo.report.value_tables import value_comparisons_table, values_table
from crossemo.stages.stage import Stage
from crossemo.stages.switch import StageSwitch
from crossemo.stages.trainer_rules import refuse_callbacks, refuse_options


class Recognition(Experiment):
    """Joins corpora, an encoder, stages and distances."""

    model_type: ClassVar[type[LightningModule]] = EmotionRecognizer
    defaults: ClassVar[dict[str, Any]] = {
        "max_epochs": -1,  # the stages know
        "gradient_clip_val": 1.0,
        "enable_model_summary": False,  # each stage says how much it trains
        "log_every_n_steps": 1,  # emotion corpora make short epochs
        "num_sanity_val_steps": 0,
        # The data's own sampler counts every clip once.
        "use_distributed_sampler": False,
    }

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the stages, the distances and what is kept."""
        super().add_arguments_to_parser(parser)
        parser.link_arguments("data.task_kind", "model.task", apply_on="instantiate")
        parser.add_argument(
            "--keep_features",
            type=bool | Literal["frames"],
            default=True,
            help="Whether an encoder that stays frozen sees each clip only once: true "
            "keeps the mean over its frames where that is enough, frames all of them.",
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
            enable_path=True,
            default={},
            help="Stages by name, in order; one for each role of the data if left out.",
        )
        parser.add_lightning_class_args(FrechetAudioDistance, "fad")

    def setup_parser(self, *given: Any, **options: Any) -> None:  # noqa: ANN401
        """Make options of arguments; Lightning's table would repeat ours at length."""
        super().setup_parser(*given, **options)
        if "test" in self.subcommands():
            self.parser.set_defaults({"test.verbose": False})

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
        folder = self.trainer.log_dir  # asks the first process, so all must take part
        if folder is not None and self.trainer.is_global_zero:
            path = Path(folder) / PREDICTIONS
            with path.open(encoding="utf-8") as file:
                clips = sum(1 for _ in file) - 1
            print(f"Predictions of {clips} clips: {from_here(path)}")

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:  # noqa: ANN401
        """Build the trainer, unless stages can't be trained with it."""
        if self.subcommand == "fit":  # before the run has a folder
            options = self._get(self.config_init, "trainer")
            refuse_options(options)
            callbacks = options["callbacks"] or []
            refuse_callbacks(callbacks if isinstance(callbacks, list) else [callbacks])
        return super().instantiate_trainer(**kwargs)

    def run_callbacks(self, recorded: bool) -> list[Callback]:
        """Return what switches stages, measures and records."""
        stages = self._get(self.config_init, "stages")
        stages = stages or {role: Stage() for role in self.datamodule.roles}
        self.switch = StageSwitch(stages, self.model.seed)
        facts = Facts(str(self.subcommand), self.effort)
        figures = self._get(self.config_init, "figures")
        self.results = Results(stages, facts, figures)
        callbacks: list[Callback] = [facts, PredictionWriter(), self.results]
        if figures:
            callbacks.append(LayerWeights(self.switch.clock))
        self.fad = self._get(self.config_init, "fad")
        self.fad.figures = figures
        keep = self._get(self.config_init, "keep_features")
        means_do = not self.fad.enabled or self.fad.unit == "clips"
        if recorded and (keep == "frames" or (keep and means_do)):
            unit: Unit = "frames" if keep == "frames" else "clips"
            callbacks.append(KeptFeatures(stages, unit))
        if recorded:
            last = LastCheckpoint(self._get(self.config_init, "save_every_n_steps"))
            callbacks += [LearningRates(), last]
            if job() is not None:
                callbacks.append(Requeue(last, self.folder))
            callbacks += [AdapterWriter(), Course(self.switch.clock, figures)]
        return [*self.switch.callbacks(), *callbacks]

    def _show(self) -> None:
        tables = []
        values = self.model.task.kind == "values"
        if self.results.content["stages"]:
            scores = values_table if values else results_table
            tables.append(scores(self.results.content))
            if (certainty := reliability_table(self.results.content)) is not None:
                tables.append(certainty)
        if self.results.content.get("comparisons"):
            differences = value_comparisons_table if values else comparisons_table
            tables.append(differences(self.results.content))
        if self.subcommand != "fit" and self.fad.measures:
            tables.append(similarity_table(self.fad.measures))
        tests = self.results.content["stages"].values()
        marks = [test.get(column, "") for test in tests for column in SIGNS]
        marks += self.model.mark.columns.values()
        self.show(*tables, mark="\n".join(dict.fromkeys(filter(None, marks))))
