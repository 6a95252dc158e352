"""predictions.csv: what a model says of every clip."""

import csv
import io
from collections import defaultdict
from pathlib import Path
from typing import cast

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from crossemo.callbacks.gathering import gather_clips
from crossemo.callbacks.parts import data_of
from crossemo.data.batch import Batch
from crossemo.files import write_text
from crossemo.recognizer import Prediction


class PredictionWriter(Callback):
    """Writes the probabilities of `lightning predict`, a row for every clip."""

    def __init__(self) -> None:
        self._seen: dict[int, list[tuple[Tensor, Tensor]]] = defaultdict(list)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the probabilities of a batch, without repeated clips."""
        said = cast(Prediction, outputs)
        counted = said["counted"]
        found = said["indices"][counted], said["probabilities"][counted]
        self._seen[dataloader_idx].append(found)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        data = data_of(trainer)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["role", "clip", "emotion", "predicted", *data.classes])
        for number, role in enumerate(data.roles):
            indices, probabilities = zip(*self._seen[number], strict=True)
            order, rows = gather_clips(torch.cat(indices), torch.cat(probabilities))
            clips = data.dataset(role, "test").clips
            for index, row in zip(order.tolist(), rows.tolist(), strict=True):
                predicted = data.classes[row.index(max(row))]
                clip = clips[index]
                writer.writerow([role, clip.id, clip.emotion, predicted, *row])
        folder = trainer.log_dir
        if trainer.is_global_zero and folder is not None:
            write_text(Path(folder) / "predictions.csv", text.getvalue())
