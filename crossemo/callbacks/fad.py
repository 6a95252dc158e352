"""How far speech lies from song in every hidden state, emotion by emotion."""

import csv
import io
import logging
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from rich.progress import track
from torch import Tensor
from torch.utils.data import DataLoader

from crossemo.callbacks.gathering import gather_clips
from crossemo.callbacks.parts import data_of, recogniser
from crossemo.callbacks.tensorboard import add_figure, title_of
from crossemo.data.batch import Batch
from crossemo.data.datamodules import EmotionDataModule
from crossemo.files import write_text
from crossemo.metrics.above_chance import frechet_above_chance
from crossemo.metrics.frechet import frechet_distance, mean_trace
from crossemo.recognizer import EmotionRecognizer
from crossemo.report.figures import fad_heatmap
from crossemo.splits import PARTS, Part

logger = logging.getLogger(__name__)

Rows = list[dict[str, Any]]
_DRAWN = {"fad": "FAD", "fad_above_chance": "FAD above chance"}


class FrechetAudioDistance(Callback):
    """Writes `fad.csv` after every test of a model on two domains.

    A clip's embedding is the mean of a hidden state over its frames. For every pair of
    emotions, every hidden state and the learnt mixture, the file holds the Fréchet
    distance between the first role's clips and the second's (Kilgour et al. 2019), in
    float64, with both counts: with few clips the plain distance mostly measures how
    few they are. `fad_above_chance` subtracts what crossed halves of each domain give,
    with no speaker on both sides, and needs two groups or more in each cell. The
    figures show both for the mixture, divided by `mean_trace`.

    Args:
        part: Which clips: `test`, so that training can't have moved them apart, or
            `train`, `val` or `all`.
        enabled: Whether the distances are computed at all.
        seed: Seed of the halves.
    """

    def __init__(
        self,
        part: Literal["train", "val", "test", "all"] = "test",
        enabled: bool = True,
        seed: int = 0,
    ) -> None:
        self.part = part
        self.enabled = enabled
        self.seed = seed
        self.rows: Rows = []
        self._ends: dict[str, tuple[float, float]] = {}

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Embed the clips of both roles, measure, write and draw."""
        data, module = data_of(trainer), recogniser(pl_module)
        if not self.enabled or len(data.roles) != 2:
            return
        sets = [self._embed(trainer, module, data, role) for role in data.roles]
        # Every process holds the same embeddings; one of them does the rest.
        folder = trainer.log_dir
        if trainer.is_global_zero:
            self._measure(trainer, module, sets)
            if folder is not None:
                write_text(Path(folder) / "fad.csv", _as_csv(self.rows))
        trainer.strategy.barrier("fad")

    def _embed(
        self,
        trainer: Trainer,
        module: EmotionRecognizer,
        data: EmotionDataModule,
        role: str,
    ) -> "_EmbeddedClips":
        """Embed a role's clips, shared out over the processes."""
        parts: Sequence[Part] = PARTS if self.part == "all" else (self.part,)
        embeddings, labels, groups = [], [], []
        for part in parts:
            dataset = data.dataset(role, part)
            batches = list(_embedded(trainer, module, data.loader(role, part), role))
            indices = torch.cat([batch[0] for batch in batches])
            values = torch.cat([batch[1] for batch in batches])
            embeddings.append(gather_clips(indices, values)[1])
            labels += dataset.labels
            groups += [clip.group for clip in dataset.clips]
        return _EmbeddedClips(torch.cat(embeddings, 0), torch.tensor(labels), groups)

    def _measure(
        self,
        trainer: Trainer,
        module: EmotionRecognizer,
        sets: "list[_EmbeddedClips]",
    ) -> None:
        states = sets[0].embeddings.shape[1]
        names = [*map(str, range(states - 1)), "mixture"]
        self.rows = [row for row in self.rows if row["stage"] != module.test_name]
        steps = track(names, "Fréchet distances", transient=True)
        for number, layer in enumerate(steps):
            tags = {"stage": module.test_name, "part": self.part, "layer": layer}
            rows = _distances(sets, number, module.classes, self.seed)
            self.rows += [tags | row for row in rows]
        _warn_of_few(rows)
        self._draw(trainer, module, rows)

    def _draw(self, trainer: Trainer, module: EmotionRecognizer, rows: Rows) -> None:
        """Draw the mixture's distances in units of its mean trace.

        Training stretches the embeddings, and raw distances with them. In these units,
        and in the colours that the first test gave them, stages compare.
        """
        shape = (len(module.classes),) * 2
        source, target = (f"{role} emotion" for role in data_of(trainer).roles)
        for column, name in _DRAWN.items():
            raw = torch.tensor([row[column] for row in rows], dtype=torch.float64)
            values = (raw / rows[0]["mean_trace"]).reshape(shape).numpy()
            if not np.isfinite(values).any():
                continue
            own = (float(np.nanmin(values)), float(np.nanmax(values)))
            ends = self._ends.setdefault(column, own)
            title = title_of(f"{name} / mean trace", module)
            names = (module.classes, module.classes, source, target)
            figure = fad_heatmap(values, *names, title, ends)
            tag = f"{column}/{module.test_name}"
            add_figure(trainer, tag, figure, trainer.global_step)


class _EmbeddedClips:
    """Embeddings `(clips, states, width)` of a role with their labels and groups."""

    def __init__(self, embeddings: Tensor, labels: Tensor, groups: list[str]) -> None:
        self.embeddings = embeddings
        self.labels = labels
        self.groups = groups

    def cells(self, state: int, classes: int) -> list[tuple[Tensor, list[str]]]:
        """Return each class's `(clips, width)` embeddings of one state, and groups."""
        cells = []
        for label in range(classes):
            rows = (self.labels == label).nonzero().flatten()
            members = [self.groups[row] for row in rows.tolist()]
            cells.append((self.embeddings[rows, state], members))
        return cells


def _distances(
    sets: list[_EmbeddedClips], state: int, classes: Sequence[str], seed: int
) -> Rows:
    """Return a row for every pair of emotions; NaN where a cell has too few clips."""
    rows_of, columns_of = (one.cells(state, len(classes)) for one in sets)
    known = [x for x, _ in (*rows_of, *columns_of) if len(x) > 1]
    scale = mean_trace(known) if known else math.nan
    rows: Rows = []
    for i, (x, x_groups) in enumerate(rows_of):
        for j, (y, y_groups) in enumerate(columns_of):
            measurable = min(len(x), len(y)) > 1
            halved = all(_can_be_halved(groups) for groups in (x_groups, y_groups))
            above = (
                frechet_above_chance(x, y, x_groups, y_groups, seed=seed).value
                if halved
                else math.nan
            )
            rows.append(
                {
                    "source_emotion": classes[i],
                    "target_emotion": classes[j],
                    "source_n": len(x),
                    "target_n": len(y),
                    "width": x.shape[1],
                    "fad": float(frechet_distance(x, y)) if measurable else math.nan,
                    "fad_above_chance": above,
                    "mean_trace": scale,
                }
            )
    return rows


def _can_be_halved(groups: list[str]) -> bool:
    counts = Counter(groups)
    return len(counts) > 1 and min(counts.values()) > 1


def _warn_of_few(rows: Rows) -> None:
    smallest = min(min(row["source_n"], row["target_n"]) for row in rows)
    width = rows[0]["width"]
    if smallest <= width:
        corrected = any(not math.isnan(row["fad_above_chance"]) for row in rows)
        advice = (
            "read the column fad_above_chance"
            if corrected
            else "fad_above_chance needs two speakers with two clips of each emotion"
        )
        logger.warning(
            "Fréchet distances of %d clips in %d dimensions mostly measure how few "
            "clips there are: %s.",
            smallest,
            width,
            advice,
        )


def _embedded(
    trainer: Trainer,
    module: EmotionRecognizer,
    loader: DataLoader[Batch],
    role: str,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield indices and embeddings `(clips, states, width)` of this process's clips."""
    training = module.training
    module.eval()
    hidden = not trainer.is_global_zero
    with torch.inference_mode():
        for batch in track(loader, f"Embedding {role}", transient=True, disable=hidden):
            moved = trainer.strategy.batch_to_device(batch)
            with trainer.precision_plugin.forward_context():
                states = module.embed(moved.waveforms, moved.lengths)
            counted = batch.counted
            yield batch.indices[counted], states.transpose(0, 1).cpu()[counted]
    module.train(training)


def _as_csv(rows: Rows) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
