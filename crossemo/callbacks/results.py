"""results.json: every test score of a run, with its interval and the split used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer

from crossemo.callbacks.parts import recogniser, title_of
from crossemo.data.gathering import Judged
from crossemo.data.trainer import data_of
from crossemo.recognizer import EmotionRecognizer
from crossemo.runs.board import add_figure
from crossemo.runs.results import write_results
from crossemo.stages.comparisons import comparisons
from crossemo.stages.stage import Stage


class Results(Callback):
    """Writes the scores of every test to `results.json`.

    Args:
        stages: The stages of the run, which are compared with one another.

    Attributes:
        content: What is written: the roles of the data with their
            splits, and for every test its checkpoint and the scores of every role.
    """

    def __init__(self, stages: Mapping[str, Stage] | None = None) -> None:
        self.stages = dict(stages or {})
        self._judged: dict[tuple[str, str], Judged] = {}
        self.content: dict[str, Any] = {"stages": {}}

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the scores of the test and write the file anew."""
        module = recogniser(pl_module)
        for role, judged in module.judged.items():
            self._judged[module.test_name, role] = judged
            self._draw(trainer, module, role, module.evaluations[role])
        self._write(trainer, module, dict(module.evaluations))

    def _draw(
        self,
        trainer: Trainer,
        module: EmotionRecognizer,
        role: str,
        scores: dict[str, Any],
    ) -> None:
        if "confusion" not in scores:
            return
        from crossemo.report.figures import confusion_figure  # and matplotlib
        from crossemo.report.style import mark_figure

        headline = module.task.headline
        score = f"{headline} {100 * scores[headline]:.1f} %"
        title = f"{title_of(f'{role} clips', module)}: {score}"
        figure = confusion_figure(scores["confusion"], module.classes, title)
        mark_figure(figure, module.leak_mark)
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
        if module.changes:
            self.content["changes"] = module.changes
        checkpoint = trainer.ckpt_path
        self.content["stages"][module.test_name] = {
            "checkpoint": None if checkpoint is None else Path(checkpoint).name,
            "scores": scores,
        }
        if module.leak_mark:
            self.content["stages"][module.test_name]["leak"] = module.leak_mark
        self.content["comparisons"] = comparisons(
            self._judged, self.stages, module.task
        )
        folder = trainer.log_dir
        if trainer.is_global_zero and folder is not None:
            write_results(Path(folder), self.content)


def _parameter_counts(module: LightningModule) -> dict[str, int]:
    return {
        "all": sum(p.numel() for p in module.parameters()),
        "trained": sum(p.numel() for p in module.parameters() if p.requires_grad),
    }
