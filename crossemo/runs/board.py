"""What a run logs: scalars, texts and figures, for TensorBoard and as files."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lightning import LightningModule, Trainer
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.fabric.loggers.tensorboard import (
    TensorBoardLogger as FabricTensorBoardLogger,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from torch import Tensor

from crossemo.data.marks import NO_MARK
from crossemo.errors import CrossEmoError
from crossemo.files import printable, write_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Board(TensorBoardLogger):
    """A TensorBoardLogger that leaves out what it would add.

    These are the scalar `epoch` and `hparams.yaml`, as config.yaml holds all settings.

    Raises:
        CrossEmoError: TensorBoard can't write there, as the name is not UTF-8.
    """

    def __init__(self, save_dir: Path, name: str, version: str) -> None:
        try:
            str(save_dir / name).encode("utf-8")
        except UnicodeError as error:
            raise CrossEmoError(
                f"TensorBoard can't write below {printable(save_dir / name)}, a name "
                "that is not UTF-8: choose another folder with --logs."
            ) from error
        super().__init__(save_dir, name, version, default_hp_metric=False)

    def save(self) -> None:
        """Write what has been logged."""
        FabricTensorBoardLogger.save(self)

    def log_metrics(
        self, metrics: Mapping[str, float], step: int | None = None
    ) -> None:
        """Write all but the epoch."""
        values = {tag: value for tag, value in metrics.items() if tag != "epoch"}
        super().log_metrics(values, step)


class Metrics(CSVLogger):
    """A CSVLogger that writes metrics.csv alone, marked where clips leak.

    Attributes:
        module: What is trained or tested; its `mark` gets columns.
    """

    module: LightningModule | None = None

    def log_metrics(  # type: ignore[override]
        self, metrics: dict[str, Tensor | float], step: int | None = None
    ) -> None:
        """Keep a row, with the mark."""
        mark = getattr(self.module, "mark", NO_MARK)
        row = cast(dict[str, Any], {**metrics, **mark.columns})
        super().log_metrics(row, step)

    def log_hyperparams(self, *_: object) -> None:
        """Leave hparams.yaml out, as config.yaml holds all settings."""

    @property
    @rank_zero_experiment
    def experiment(self) -> ExperimentWriter:
        """What writes the rows."""
        if self._experiment is None:
            self._experiment = _Rows(self.log_dir)
        return cast(ExperimentWriter, self._experiment)


class _Rows(ExperimentWriter):
    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        path = Path(self.metrics_file_path)
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        write_csv(path, [dict.fromkeys(fieldnames, "") | row for row in rows])


def add_figure(trainer: Trainer, tag: str, figure: "Figure", step: int) -> None:
    """Show a figure in TensorBoard and write it to the run's folder.

    On the first process only, as are all functions of this file.

    Args:
        trainer: The trainer of the run.
        tag: Name of the figure, in TensorBoard and of its files.
        figure: The figure.
        step: The step that it is of.
    """
    show_figure(trainer, tag, figure, step)
    keep_figure(trainer, tag, figure)


def show_figure(trainer: Trainer, tag: str, figure: "Figure", step: int) -> None:
    """Show a figure in TensorBoard alone, where a later one of its tag follows."""
    from crossemo.report.saving import figure_to_tensor

    for logger in _loggers(trainer):
        logger.experiment.add_image(tag, figure_to_tensor(figure), step)


def keep_figure(trainer: Trainer, tag: str, figure: "Figure") -> None:
    """Write a figure to `figures/` in the run's folder, as PNG and PDF."""
    from crossemo.report.saving import save_figure

    if trainer.is_global_zero and (folder := folder_of(trainer)) is not None:
        save_figure(figure, folder, tag)


def folder_of(trainer: Trainer) -> Path | None:
    """Return the folder of a run, which the first process alone knows for sure.

    Unlike `Trainer.log_dir` it asks no other process; None if nothing is recorded.
    """
    if not trainer.loggers:
        return Path(trainer.default_root_dir)
    folder = trainer.loggers[0].log_dir or trainer.loggers[0].save_dir
    return None if folder is None else Path(folder)


def add_text(trainer: Trainer, tag: str, text: str, step: int) -> None:
    """Write a sentence into every TensorBoard log."""
    for logger in _loggers(trainer):
        logger.experiment.add_text(tag, text, step)


def add_curve(trainer: Trainer, tag: str, points: Mapping[int, float]) -> None:
    """Write numbers over other steps than those of training, such as layers."""
    for logger in _loggers(trainer):
        for step, value in points.items():
            logger.experiment.add_scalar(tag, value, step)


def _loggers(trainer: Trainer) -> Iterator[TensorBoardLogger]:
    if trainer.is_global_zero:
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                yield logger
