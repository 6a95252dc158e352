"""Layerwise analysis: probes of every layer, fold and learning rate in one run."""

from typing import Any, ClassVar

from lightning import Callback, LightningModule
from lightning.pytorch.callbacks import ModelCheckpoint

from crossemo.callbacks.facts import Facts
from crossemo.callbacks.layerwise import LayerAnalysis
from crossemo.commands.experiment import Experiment
from crossemo.data.datamodule import EmotionDataModule
from crossemo.probes import LayerwiseProbes
from crossemo.report.layerwise_tables import layer_table


class Layerwise(Experiment):
    """Joins corpora and the probes of an encoder's layers."""

    model_type: ClassVar[type[LightningModule]] = LayerwiseProbes
    settings: ClassVar[str] = "model.init_args"
    defaults: ClassVar[dict[str, Any]] = {
        "max_epochs": 1000,  # trained probes stop by themselves, solved ones need fewer
        "log_every_n_steps": 1,
        "enable_model_summary": False,  # thousands of probes
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
    }

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return what can be asked for: probes are judged where they are trained."""
        return {"fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule"}}

    def fit(
        self,
        model: LayerwiseProbes,
        datamodule: EmotionDataModule,
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Train the probes, which load views of the data's clips themselves."""
        self.trainer.fit(model.on(datamodule), **options)

    def after_fit(self) -> None:
        """Show the scores of all layers, where there are any yet."""
        if self.model.judgements is None:
            return
        tables = []
        if self.analysis.scores:  # which the first process alone has
            summary = self.model.protocol.summary(self.model.clips.task)
            scores, corpora = self.analysis.scores, self.analysis.corpora
            tables.append(layer_table(scores, corpora, summary))
        self.show(*tables, mark=str(self.model.mark))

    def run_callbacks(self, recorded: bool) -> list[Callback]:
        """Return what analyses the judgements and records the training."""
        facts = Facts(str(self.subcommand), self.effort)
        figures = self._get(self.config_init, "figures")
        self.analysis = LayerAnalysis(facts, figures)
        if not recorded:
            return [facts, self.analysis]
        last = ModelCheckpoint(
            filename="last",
            every_n_epochs=self._get(
                self.config_init, "model"
            ).protocol.checkpoint_every,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        return [facts, self.analysis, last]
