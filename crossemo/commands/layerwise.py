"""Layerwise analysis: probes of every layer, fold and learning rate in one run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint

from crossemo.callbacks.layerwise import LayerAnalysis
from crossemo.commands.experiment import Experiment
from crossemo.data.datamodule import EmotionDataModule
from crossemo.errors import CrossEmoError
from crossemo.probes import LayerwiseProbes
from crossemo.report.layerwise_tables import layer_table

NAME = LayerwiseProbes.__name__


class Layerwise(Experiment):
    """Joins corpora and the probes of an encoder's layers."""

    settings: ClassVar[str] = "model.init_args"
    defaults: ClassVar[dict[str, Any]] = {
        "max_epochs": 1000,  # probes stop by themselves
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
        """Show the scores of all layers."""
        found = self.analysis
        tables = []
        if found.scores:  # which the first process alone has
            tables.append(layer_table(found.scores, found.corpora))
        self.show(*tables)

    def own_callbacks(self, recorded: bool) -> list[Callback]:
        """Return what analyses the judgements and records the training."""
        self.analysis = LayerAnalysis()
        if not recorded:
            return [self.analysis]
        last = ModelCheckpoint(
            filename="last",
            every_n_epochs=50,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        return [self.analysis, last]


def asks_for_probes(typed: Sequence[str]) -> bool:
    """Return whether the model of a command line is `LayerwiseProbes`.

    Args:
        typed: What was typed behind the command's name.

    Raises:
        CrossEmoError: It is another class, as by a slip of the keys.
    """
    words = [part for word in typed for part in word.split("=", 1)]
    model = ""
    for option, value in zip(words, [*words[1:], ""], strict=True):
        if option in ("--model", "--model.class_path") and not Path(value).exists():
            model = value
        elif option in ("-c", "--config"):
            model = _model_in(Path(value)) or model
    name = model.rpartition(".")[2]
    if name and name != NAME:
        raise CrossEmoError(
            f"There is no model {name}: choose {NAME}, or name none to recognise "
            "emotion in stages."
        )
    return bool(name)


def _model_in(config: Path) -> str:
    """Return the class of a config's model; empty where there is none to be read."""
    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return ""  # which the parser says better
    content = content.get("fit", content) if isinstance(content, dict) else {}
    model = content.get("model") if isinstance(content, dict) else None
    found = model.get("class_path", "") if isinstance(model, dict) else model
    return str(found or "")
