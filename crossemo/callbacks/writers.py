"""predictions.csv: what a model says of every clip; and adapters as peft saves them."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from crossemo.callbacks.parts import recogniser
from crossemo.data.batch import Batch
from crossemo.data.clip_tables import (
    PREDICTIONS,
    Row,
    names_by_corpus,
    prediction_rows,
)
from crossemo.data.gathering import Predictions
from crossemo.data.trainer import data_of
from crossemo.encoders import write_provenance
from crossemo.files import write_csv
from crossemo.recognizer import EmotionRecognizer
from crossemo.runs.board import folder_of


class PredictionWriter(Callback):
    """Writes the probabilities of every test and prediction, a row for every clip."""

    def __init__(self) -> None:
        self._seen = Predictions()
        self._rows: dict[tuple[str, str], list[Row]] = {}

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget what was predicted before."""
        self._seen = Predictions()

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the predictions of a batch."""
        self._seen.add(outputs, dataloader_idx)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what was predicted."""
        for number, role in enumerate(data_of(trainer).roles):
            order, outputs, _ = self._seen.gather(number)
            predictions = recogniser(pl_module).task.predictions(outputs)
            self._keep(trainer, pl_module, role, order.tolist(), predictions)
        self._write(trainer)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what was said in this test and in those before it."""
        judged = recogniser(pl_module).judged
        for role in data_of(trainer).roles:
            one = judged[role]
            self._keep(trainer, pl_module, role, one.places, one.predictions)
        self._write(trainer)

    def _keep(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        role: str,
        places: Sequence[int],
        predictions: Tensor,
    ) -> None:
        data, module = data_of(trainer), recogniser(pl_module)
        tags = {"stage": stage_of(module), "checkpoint": checkpoint_name(trainer)}
        rows = list(prediction_rows(data, role, places, predictions))
        marks = module.marks_by(names_by_corpus(rows))
        tagged = ({**tags, **row} for row in rows)
        marked = marks.rows(tagged, lambda row: [row["corpus"]])
        self._rows[module.test_name, role] = marked

    def _write(self, trainer: Trainer) -> None:
        folder = folder_of(trainer) if trainer.is_global_zero else None
        if folder is not None:
            write_csv(folder / PREDICTIONS, list(chain(*self._rows.values())))


def stage_of(module: EmotionRecognizer) -> str:
    """Return the stage that the tested weights are of; empty where none is known."""
    if module.test_name != "test":
        return module.test_name
    return module.origin.get("stage") or ""


def checkpoint_name(trainer: Trainer) -> str:
    """Return the file name of the checkpoint that is tested; empty if there is none."""
    return "" if trainer.ckpt_path is None else Path(trainer.ckpt_path).name


class AdapterWriter(Callback):
    """Writes the adapters of what is tested to `adapters/STAGE` in the run's folder."""

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write them, on the first process only."""
        module, folder = recogniser(pl_module), trainer.log_dir
        adapters = module.encoder.adaptation.adapters
        if adapters and trainer.is_global_zero and folder is not None:
            destination = Path(folder) / "adapters" / module.test_name
            adapters.save(destination)
            write_provenance(destination, module.encoder.provenance)
