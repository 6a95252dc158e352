"""results.json: every test score of a run, with its interval and the split used."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from crossemo.callbacks.facts import Facts
from crossemo.callbacks.parts import recogniser, study_of
from crossemo.callbacks.writers import checkpoint_name, stage_of
from crossemo.data.gathering import Judged
from crossemo.data.trainer import data_of
from crossemo.recognizer import EmotionRecognizer
from crossemo.runs.board import add_figure, folder_of
from crossemo.runs.results import write_results
from crossemo.stages.comparisons import comparisons
from crossemo.stages.stage import Stage


class Results(Callback):
    """Writes the scores of every test, and what a run was, to `results.json`.

    Args:
        stages: The stages of the run, which are compared with one another.
        facts: Knows versions, time and the like.
        figures: Whether to draw what was said in each test.

    Attributes:
        content: What is written: the roles of the data with their
            splits, and for every test its checkpoint and the scores of every role.
    """

    def __init__(
        self,
        stages: Mapping[str, Stage] | None = None,
        facts: Facts | None = None,
        figures: bool = True,
    ) -> None:
        self.stages = dict(stages or {})
        self._facts = facts or Facts()
        self._drawn = figures
        self._judged: dict[tuple[str, str], Judged] = {}
        self.content: dict[str, Any] = {"stages": {}}

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the scores of the test and write the file anew."""
        module = recogniser(pl_module)
        for role, judged in module.judged.items():
            self._judged[module.test_name, role] = judged
            if self._drawn:
                self._draw(trainer, module, role, judged)
        scores = {
            place: {**one, **module.mark_at(place).among(module.mark)}
            for place, one in module.evaluations.items()
        }
        test = self._test(trainer, module, scores)
        self.content["stages"][module.test_name] = test
        pairs = comparisons(self._judged, self.stages, module.task)
        self._write(trainer, module, {"comparisons": pairs})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the scores of `lightning validate`."""
        if trainer.state.fn != TrainerFn.VALIDATING:
            return
        scores = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if not name.endswith("/score")
        }
        module = recogniser(pl_module)
        self._write(trainer, module, {"validation": scores, **module.mark.columns})

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write which weights predicted."""
        module = recogniser(pl_module)
        facts = {"checkpoint": checkpoint_name(trainer), **module.origin}
        self._write(trainer, module, {"predicted_by": facts, **module.mark.columns})

    def _draw(
        self, trainer: Trainer, module: EmotionRecognizer, role: str, judged: Judged
    ) -> None:
        """Draw what was said of the clips of a role, see `judgement_figures`."""
        from crossemo.report.judgement_figures import judgement_figures  # matplotlib

        mark = module.mark_at(role)
        figures = judgement_figures(
            module.test_name,
            role,
            module.task,
            judged,
            module.evaluations[role],
            study_of(trainer, module, mark),
            data_of(trainer).roles,
            mark,
            _temperature(module),
        )
        for tag, figure in figures:
            add_figure(trainer, tag, figure, trainer.global_step)

    def _write(
        self, trainer: Trainer, module: EmotionRecognizer, content: Mapping[str, Any]
    ) -> None:
        self.content |= self._facts.describe(trainer, module)
        self.content |= data_of(trainer).describe()
        encoder = module.encoder
        self.content |= {
            "encoder_fingerprint": encoder.fingerprint()
            if encoder.pretrained
            else None,
            "model": {key: module.hparams[key] for key in sorted(module.hparams)},
            "parameters": _parameter_counts(module),
            **content,
        }
        if module.changes:
            self.content["changes"] = module.changes
        folder = folder_of(trainer) if trainer.is_global_zero else None
        if folder is not None:
            write_results(folder, self.content)

    def _test(
        self, trainer: Trainer, module: EmotionRecognizer, scores: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what is known of a test and of the weights that were tested."""
        checkpoint, stage = checkpoint_name(trainer), stage_of(module)
        origin, mix = module.origin, module.mix
        best = {
            "best_epoch": origin.get("epoch"),
            "best_score": origin.get("score"),
            "monitor": origin.get("monitor"),
        }
        return {
            "checkpoint": checkpoint or None,
            "stage": stage or None,
            "step": origin.get("step"),
            **(best if checkpoint == f"{stage}.ckpt" else {}),
            "settings": self._settings(trainer, module, stage),
            "layer_weights": None if mix.index is not None else mix.shares(),
            "temperature": _temperature(module),
            "scores": scores,
            **module.mark.columns,
        }

    def _settings(
        self, trainer: Trainer, module: EmotionRecognizer, name: str
    ) -> dict[str, Any] | None:
        """Return what a stage of this run was, with the model's settings and data's."""
        if self._facts.command != "fit" or name not in self.stages:
            return None
        stage = self.stages[name]
        general = {**module.hparams, "batch_size": data_of(trainer).batch_size}
        given = {
            key: general.get(key) if value is None else value
            for key, value in asdict(stage).items()
        }
        return given | {"data": list(stage.roles(name))}


def _temperature(module: EmotionRecognizer) -> float | None:
    return None if module.reliability is None else module.reliability.temperature


def _parameter_counts(module: LightningModule) -> dict[str, int]:
    return {
        "all": sum(p.numel() for p in module.parameters()),
        "trained": sum(p.numel() for p in module.parameters() if p.requires_grad),
    }
