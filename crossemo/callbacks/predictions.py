"""predictions.csv: what a model says of every clip."""

import csv
import io
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from crossemo.callbacks.gathering import gather_clips
from crossemo.files import write_text


class PredictionWriter(Callback):
    """Writes the probabilities of `lightning predict`, a row for every clip."""

    def __init__(self) -> None:
        self._seen: dict[int, list[tuple[Tensor, Tensor]]] = defaultdict(list)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the probabilities of a batch, without repeated clips."""
        counted = outputs["counted"]
        found = outputs["indices"][counted], outputs["probabilities"][counted]
        self._seen[dataloader_idx].append(found)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
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
