"""results.json: every test score of a run, with its interval and the split used."""

import json
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from crossemo.callbacks.gathering import Predictions
from crossemo.callbacks.parts import recogniser, title_of
from crossemo.data.batch import Batch
from crossemo.data.datamodule import data_of
from crossemo.files import write_text
from crossemo.metrics.intervals import chance_interval, score_interval
from crossemo.metrics.recognition import ConfusionScore, recognition_metrics
from crossemo.recognizer import EmotionRecognizer
from crossemo.report.figures import confusion_figure
from crossemo.runs.board import add_figure
from crossemo.stages.comparisons import Judged, comparisons
from crossemo.stages.stage import Stage
from crossemo.version import __version__


class Results(Callback):
    """Gathers the predictions of every test and writes `results.json`.

    Args:
        stages: The stages of the run, whose gains and losses are told.

    Attributes:
        content: What is written: the versions, the roles of the data with their
            splits, and for every test its checkpoint and the scores of every role.
    """

    def __init__(self, stages: Mapping[str, Stage] | None = None) -> None:
        self.stages = dict(stages or {})
        self._judged: dict[tuple[str, str], Judged] = {}
        self.content: dict[str, Any] = {"crossemo": __version__, "stages": {}}
        self._seen = Predictions()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the predictions of an earlier test."""
        self._seen = Predictions()

    def on_test_batch_end(
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

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Score the test and write the file anew."""
        data, module = data_of(trainer), recogniser(pl_module)
        scores = {}
        for number, role in enumerate(data.roles):
            order, probabilities, labels = self._seen.gather(number)
            dataset = data.dataset(role, "test")
            groups = [dataset.clips[i].group for i in order.tolist()]
            scores[role] = _scores(probabilities, labels, groups, data.classes)
            self._judged[module.test_name, role] = Judged(
                labels, probabilities.argmax(-1), groups
            )
            self._draw(trainer, module, role, scores[role])
        self._write(trainer, module, scores)

    def _draw(
        self,
        trainer: Trainer,
        module: EmotionRecognizer,
        role: str,
        scores: dict[str, Any],
    ) -> None:
        title = title_of(f"{role} clips", module) + f": UA {100 * scores['UA']:.1f} %"
        figure = confusion_figure(scores["confusion"], module.classes, title)
        tag = f"confusion/{module.test_name}/{role}"
        add_figure(trainer, tag, figure, trainer.global_step)

    def _write(
        self, trainer: Trainer, module: EmotionRecognizer, scores: dict[str, Any]
    ) -> None:
        self.content |= data_of(trainer).describe()
        self.content |= {
            "model": {key: module.hparams[key] for key in sorted(module.hparams)},
            "parameters": _parameter_counts(module),
        }
        checkpoint = trainer.ckpt_path
        self.content["stages"][module.test_name] = {
            "checkpoint": None if checkpoint is None else Path(checkpoint).name,
            "scores": scores,
        }
        self.content["comparisons"] = comparisons(
            self._judged, self.stages, len(module.classes)
        )
        folder = trainer.log_dir
        if trainer.is_global_zero and folder is not None:
            text = json.dumps(_without_nan(self.content), indent=2, default=str)
            write_text(Path(folder) / "results.json", text + "\n")


def _scores(
    probabilities: Tensor, labels: Tensor, groups: list[str], classes: tuple[str, ...]
) -> dict[str, Any]:
    meter = recognition_metrics(classes)
    meter.update(probabilities, labels)
    confusion = cast(ConfusionScore, meter["UA"]).confmat
    predictions = probabilities.argmax(-1)
    interval = score_interval(labels, predictions, groups, len(classes))
    chance = chance_interval(labels, len(classes))
    return {
        **{
            name: float(cast(ConfusionScore, one).score(confusion.double()))
            for name, one in meter.items()
        },
        "confusion": confusion.tolist(),
        "UA_interval": [interval.low, interval.high],
        "UA_interval_unit": interval.unit,
        "UA_chance": list(chance),
        "n": len(labels),
        "groups": len(set(groups)),
    }


def _parameter_counts(module: LightningModule) -> dict[str, int]:
    return {
        "all": sum(p.numel() for p in module.parameters()),
        "trained": sum(p.numel() for p in module.parameters() if p.requires_grad),
    }


def _without_nan(value: Any) -> Any:  # noqa: ANN401
    """Return plain data with None for NaN, which JSON lacks.

    >>> _without_nan({"recall/sad": float("nan"), "UA_chance": [0.1, 0.25]})
    {'recall/sad': None, 'UA_chance': [0.1, 0.25]}
    """
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and isnan(value) else value
