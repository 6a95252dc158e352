"""The TensorBoard writers of a run."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Board(TensorBoardLogger):
    """A TensorBoardLogger that leaves out `epoch`, which Lightning adds to scalars."""

    def log_metrics(
        self, metrics: Mapping[str, float], step: int | None = None
    ) -> None:
        """Write all but the epoch."""
        values = {tag: value for tag, value in metrics.items() if tag != "epoch"}
        super().log_metrics(values, step)


def add_figure(trainer: Trainer, tag: str, figure: "Figure", step: int) -> None:
    """Draw a figure into every TensorBoard log of a run, on the first process only."""
    from crossemo.report.figures import figure_to_tensor

    for logger in _loggers(trainer):
        logger.experiment.add_image(tag, figure_to_tensor(figure), step)


def add_text(trainer: Trainer, tag: str, text: str, step: int) -> None:
    """Write a sentence into every TensorBoard log, on the first process only."""
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
