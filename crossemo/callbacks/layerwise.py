"""What the judgements of probes say: tables, figures and a file to compare runs by."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer

from crossemo.callbacks.facts import Facts
from crossemo.data.clip_tables import SPLIT, split_rows
from crossemo.data.role_pairs import likened_roles
from crossemo.files import write_csv
from crossemo.layerwise import pair_rows, score_rows, similarity_rows, with_choices
from crossemo.layerwise.conditions import Row, judged_roles
from crossemo.layerwise.grid import choice_shares, end_warnings
from crossemo.probes import LayerwiseProbes
from crossemo.probes.judgements import JUDGEMENTS
from crossemo.report.study import Study
from crossemo.runs.board import add_curve, add_figure
from crossemo.runs.results import write_results

logger = logging.getLogger(__name__)

SCORES, PAIRS, SIMILARITY = "layers.csv", "layer_pairs.csv", "layer_similarity.csv"


class LayerAnalysis(Callback):
    """Writes what probes have found out, at the end of their training.

    Into the run's folder: `layers.csv`, a row for every condition, view and score;
    `layer_pairs.csv`, paired differences; `layer_similarity.csv`, how alike the layers
    arrange the emotions in both domains; `judgements.safetensors`, what every probe
    said of every test clip, by which `crossemo compare` compares runs; `results.json`
    and figures.

    Args:
        facts: Knows versions, time and the like.
        figures: Whether to draw.

    Attributes:
        scores: What `layers.csv` holds.
        corpora: Name of the corpus in each role.
    """

    def __init__(self, facts: Facts | None = None, figures: bool = True) -> None:
        self._facts = facts or Facts()
        self._drawn = figures
        self.scores: list[Row] = []
        self.corpora: dict[str, str] = {}

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Score the judgements, write and draw."""
        assert isinstance(pl_module, LayerwiseProbes)
        folder = trainer.log_dir  # asks the first process, so all must take part
        if not trainer.is_global_zero or pl_module.judgements is None:
            return
        self.corpora = pl_module.judgements.about["corpora"]
        judgements = with_choices(pl_module.judgements)
        marks = pl_module.marks
        self.scores = marks.rows(score_rows(judgements), judged_roles)
        protocol = pl_module.protocol
        sentences = pl_module.warnings()
        if protocol.ends_matter(judgements.task):
            sentences += end_warnings(judgements, protocol.grid, protocol.grid_name)
        for sentence in sentences:
            logger.warning(sentence)
        likeness = marks.rows(
            similarity_rows(pl_module.clips, *pl_module.hidden_states()),
            lambda row: likened_roles(row, self.corpora),
        )
        if self._drawn:
            self._draw(trainer, pl_module, likeness)
        for tag, points in _curves(self.scores).items():
            add_curve(trainer, tag, points)
        if folder is not None:
            tables = {
                SCORES: self.scores,
                PAIRS: marks.rows(pair_rows(judgements), judged_roles),
                SIMILARITY: likeness,
            }
            pl_module.judgements.save(Path(folder) / JUDGEMENTS)
            self._write(Path(folder), tables, trainer, pl_module)

    def _draw(
        self, trainer: Trainer, module: LayerwiseProbes, likeness: Sequence[Row]
    ) -> None:
        from crossemo.report.layerwise_figures import layer_figures  # and matplotlib

        roles = module.probed.roles
        study = Study.of(module.hparams["encoder"], roles)
        numbers = module.clips.roles.bincount(minlength=len(roles)).tolist()
        clips = dict(zip(roles, numbers, strict=True))
        figures = layer_figures(self.scores, likeness, study, clips, module.marks)
        for tag, figure in figures.items():
            add_figure(trainer, tag, figure, trainer.global_step)

    def _write(
        self,
        folder: Path,
        tables: Mapping[str, list[Row]],
        trainer: Trainer,
        module: LayerwiseProbes,
    ) -> None:
        for name, rows in tables.items():
            if rows:
                write_csv(folder / name, rows)
        write_csv(folder / SPLIT, split_rows(module.probed, module.folds))
        content: dict[str, Any] = {
            **self._facts.describe(trainer, module),
            **module.describe(),
            "epochs": trainer.current_epoch,
        }
        if module.judgements is not None:
            protocol = module.protocol
            shares = choice_shares(module.judgements, protocol.grid)
            content[protocol.grid_name] = shares
        write_results(folder, content)


def _curves(scores: Sequence[Row]) -> dict[str, dict[int, float]]:
    """Return the headline score of every layer by name of a curve."""
    headline = scores[0]["score"]
    curves: dict[str, dict[int, float]] = {}
    for row in scores:
        plotted = row["score"] == headline and row["labels"] == "true"
        across = row["trained_on"] != row["judged_on"]
        shown = row["scaler"] == ("judged" if across else "trained")
        if plotted and shown and row["layer"] != "":
            name = f"{row['trained_on']} to " * across + row["judged_on"]
            name += ", random weights" * (row["kind"] == "random")
            curves.setdefault(f"layers_{headline}/{name}", {})[row["layer"]] = row[
                "value"
            ]
    return curves
