"""How far speech lies from song in every hidden state, emotion by emotion."""

import csv
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from crossemo.callbacks.measurement import Measurement
from crossemo.callbacks.parts import recogniser, study_of
from crossemo.data.clip_tables import names_of
from crossemo.data.role_pairs import role_pairs
from crossemo.data.trainer import data_of
from crossemo.encoders.exposure import Marks
from crossemo.errors import CrossEmoError
from crossemo.files import write_csv
from crossemo.recognizer import EmotionRecognizer
from crossemo.runs.board import add_figure
from crossemo.similarity import (
    DEFAULTS,
    Row,
    Settings,
    corrected,
    domains_of,
    warnings_of,
)
from crossemo.similarity.compared import ComparedStates

logger = logging.getLogger(__name__)

FILE, MEASURES = "fad.csv", "similarity.csv"
BEFORE = "before"


class FrechetAudioDistance(Callback):
    """Measures how far two domains lie apart, for every pair of emotions.

    Before the training, after the test of every stage, and after `lightning validate`,
    it embeds the clips of both roles and writes `fad.csv`, a row for every hidden
    state, pair of emotions (across the roles and within each) and estimator, and
    `similarity.csv`, which tells the bias towards some emotions and whether the same
    emotion is the nearest. See `crossemo.similarity` for the estimators. Gradients, the
    model's mode and the state of the random numbers stay as they are.

    Args:
        part: Which clips: `train`, `val`, `test` or `all`. By default those that the
            command judges: `val` for `validate`, else `test`, so that training can't
            have moved them apart.
        layers: `all` hidden states and the learnt mixture, the `mixture` alone, or
            hidden states by their indices (one or several), 0 to the number of layers.
        unit: What is embedded: `clips` by the means over their frames, `frames`
            (kept as moments: 0.2 GB a state at width 768 and six emotions), or `both`.
        before: Whether to measure the encoder before its training too.
        enabled: Whether to measure at all.
        estimate: How distances are estimated.

    Attributes:
        figures: Whether to draw too.
        rows: What `fad.csv` holds.
        measures: What `similarity.csv` holds.
    """

    section = "fad"  # of a config; a run goes on with the same settings

    def __init__(
        self,
        part: Literal["train", "val", "test", "all"] | None = None,
        layers: Literal["all", "mixture"] | int | list[int] = "all",
        unit: Literal["clips", "frames", "both"] = "clips",
        before: bool = True,
        enabled: bool = True,
        estimate: Settings = DEFAULTS,
    ) -> None:
        self.part = part
        self.layers = layers
        self.unit = unit
        self.before = before
        self.enabled = enabled
        self.estimate = estimate
        self.figures = True
        self.rows: list[Row] = []
        self.measures: list[Row] = []
        self._cautions: set[str] = set()
        self._compared = ComparedStates()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse hidden states that the encoder lacks, before the long work."""
        if self.enabled:
            self._places(recogniser(pl_module))

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the encoder as it is before the first stage."""
        if not self.before:
            return
        if trainer.ckpt_path is None:
            self._measure(trainer, pl_module, BEFORE)
        else:
            self._recall(Path(trainer.ckpt_path).parent.parent)
            folder = trainer.log_dir  # asks the first process, so all must take part
            if trainer.is_global_zero:
                self._save(folder)  # a run may be cut off once more before its tests

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure after `lightning validate`, not after the validations of a fit."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            self._measure(trainer, pl_module, "validate")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure what was tested."""
        self._measure(trainer, pl_module, recogniser(pl_module).test_name)

    def _measure(self, trainer: Trainer, pl_module: LightningModule, name: str) -> None:
        """Embed the clips of all roles, measure, write and draw."""
        data, module = data_of(trainer), recogniser(pl_module)
        if not self.enabled or not role_pairs(data.roles) or _tried_out(trainer):
            if self.enabled and trainer.state.fn == TrainerFn.VALIDATING:
                rank_zero_info("Distances need two corpora: none were measured.")
            return
        if not (emotions := data.task.emotions):
            rank_zero_info(
                "Distances are measured between quadrants, which need valence and "
                "arousal: none were measured."
            )
            return
        part = self.part or ("val" if trainer.validating else "test")
        places = self._places(module)
        shared = _untrained(module, places, name)
        run = Measurement(trainer, module, data, part, places, self._compared, shared)
        rows: list[Row] = []
        measures: list[Row] = []
        try:
            with _undisturbed(module):
                if self.unit != "frames":
                    rows, measures = run.clips(self.estimate)
                if self.unit != "clips":
                    rows += run.frames(self.estimate.seed)
        except CrossEmoError as error:
            if trainer.state.fn == TrainerFn.VALIDATING:
                raise
            # What was trained and what is still to be tested is worth more.
            rank_zero_warn(f"No distances for {name!r}. {error}")
            return
        folder = trainer.log_dir  # asks the first process, so all must take part
        if trainer.is_global_zero:
            tags, roles = {"stage": name, "part": part}, list(data.roles)
            marks = module.marks_by(names_of(data))
            for new, table in ((corrected(rows), self.rows), (measures, self.measures)):
                tagged = (tags | row for row in new)
                new = marks.rows(tagged, lambda row: domains_of(row, roles))
                self._keep(name, new, table)
            self._warn(rows)
            self._save(folder)
            if self.figures:
                self._draw(trainer, module, name, emotions, marks)
        trainer.strategy.barrier("fad")

    def _keep(self, name: str, new: Sequence[Row], table: list[Row]) -> None:
        table[:] = [row for row in table if row["stage"] != name] + list(new)

    def _warn(self, rows: Sequence[Row]) -> None:
        """Say once what a reader must know."""
        for sentence in warnings_of(rows):
            if sentence not in self._cautions:
                logger.warning(sentence)
            self._cautions.add(sentence)

    def _recall(self, folder: Path) -> None:
        """Take over what an interrupted run measured before its training."""
        for file, table in ((FILE, self.rows), (MEASURES, self.measures)):
            if (folder / file).is_file():
                with (folder / file).open(encoding="utf-8") as lines:
                    rows = list(csv.DictReader(lines))
                self._keep(BEFORE, [r for r in rows if r["stage"] == BEFORE], table)

    def _save(self, folder: str | None) -> None:
        if folder is not None:
            for file, rows in ((FILE, self.rows), (MEASURES, self.measures)):
                if rows:
                    write_csv(Path(folder) / file, rows)

    def _draw(
        self,
        trainer: Trainer,
        module: EmotionRecognizer,
        name: str,
        emotions: Sequence[str],
        marks: Marks,
    ) -> None:
        from crossemo.report.distances import distance_figures  # and matplotlib
        from crossemo.report.style import mark_figure

        pairs = role_pairs(data_of(trainer).roles)
        for pair in pairs:
            rows = [r for r in self.rows if {r["x_domain"], r["y_domain"]} <= set(pair)]
            measures = [r for r in self.measures if domains_of(r, pair) == list(pair)]
            mark = marks.at(*pair)
            study = study_of(trainer, module, mark)
            figures = distance_figures(rows, measures, name, emotions, study)
            suffix = "_".join(("", *pair)) if len(pairs) > 1 else ""
            for tag, figure in figures.items():
                mark_figure(figure, mark)
                step = trainer.global_step
                add_figure(trainer, f"{tag}{suffix}/{name}", figure, step)

    def _places(self, module: EmotionRecognizer) -> dict[str, int]:
        """Return the places of the hidden states to measure, by name.

        Raises:
            CrossEmoError: There is no such state.
        """
        encoder = module.encoder
        if self.layers == "mixture":
            return {"mixture": encoder.num_states}
        places = {str(n): n for n in encoder.states_of(self.layers, "fad.layers")}
        if self.layers == "all":
            places["mixture"] = encoder.num_states
        return places


@contextmanager
def _undisturbed(module: EmotionRecognizer) -> Iterator[None]:
    """Evaluate, and leave modes, gradients and random numbers as they were."""
    modes = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            yield
    finally:
        for one, training in modes:
            one.training = training


def _untrained(
    module: EmotionRecognizer, places: Mapping[str, int], name: str
) -> set[int]:
    """Return the places of states that are the encoder's own, as no run moved them."""
    before = name == BEFORE
    frozen = module.encoder.tuning == "frozen"
    states = module.encoder.num_states
    return {n for n in places.values() if before or (frozen and n < states)}


def _tried_out(trainer: Trainer) -> bool:
    """Return whether a run only tries out a batch of each loop."""
    return bool(getattr(trainer, "fast_dev_run", False))
