"""predictions.csv: what a model says of every clip."""

import csv
import io
from pathlib import Path

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT

from crossemo.callbacks.parts import recogniser
from crossemo.data.batch import Batch
from crossemo.data.gathering import Predictions
from crossemo.data.trainer import data_of
from crossemo.encoders import write_provenance
from crossemo.files import write_text


class PredictionWriter(Callback):
    """Writes the probabilities of `lightning predict`, a row for every clip."""

    def __init__(self) -> None:
        self._seen = Predictions()

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
        """Write the file."""
        data, mark = data_of(trainer), recogniser(pl_module).leak_mark
        more = {"leak": mark} if mark else {}
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["role", "clip", "emotion", "predicted", *data.classes, *more])
        for number, role in enumerate(data.roles):
            order, rows, _ = self._seen.gather(number)
            clips = data.dataset(role, "test").clips
            for index, row in zip(order.tolist(), rows.tolist(), strict=True):
                predicted = data.classes[row.index(max(row))]
                clip = clips[index]
                writer.writerow(
                    [role, clip.id, clip.label, predicted, *row, *more.values()]
                )
        folder = trainer.log_dir
        if trainer.is_global_zero and folder is not None:
            write_text(Path(folder) / "predictions.csv", text.getvalue())


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
