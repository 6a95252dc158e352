"""Patience counts epochs; the numbers here are counted by hand."""

from math import nan
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from crossemo.stages.clock import StageClock
from crossemo.stages.stage import Stage
from tests.callbacks.keep import KeepAll
from tests.stages.test_switch import fit
from tests.stages.tiny import TinyModule


def ends(patience: int, validations: list[tuple[int, float]]) -> int:
    """Return how many epochs a stage has whose validations are given with epochs."""
    clock = StageClock({"before": Stage(5), "stage": Stage(20, patience=patience)})
    clock.steps_per_epoch = [1, 1]
    clock.note(9.0, 4)  # of the stage before, so it counts for nothing
    clock.advance(5)
    for epoch in range(5, 25):
        for place, score in validations:
            if place == epoch - 5:
                clock.note(score, epoch)
        if clock.finished(epoch + 1):
            return epoch + 1 - 5
    return 20


@pytest.mark.parametrize(
    ("patience", "validations", "epochs"),
    [
        # Best in the first, then 1 or 3 in vain.
        (1, [(0, 0.5), (1, 0.4), (2, 0.3)], 2),
        (3, [(0, 0.5), (1, 0.4), (2, 0.3)], 4),
        # A better one starts the count anew: best in the third, then 2 in vain.
        (2, [(0, 0.5), (1, 0.4), (2, 0.6), (3, 0.5), (4, 0.5)], 5),
        # What is equal is not better.
        (2, [(0, 0.5), (1, 0.5), (2, 0.5)], 3),
        # Several in an epoch count once; the best is the second of the second epoch.
        (2, [(0, 0.5), (0, 0.4), (1, 0.3), (1, 0.7), (2, 0.6), (2, 0.5)], 4),
        # Every other epoch: best in the second, so two more end with the fourth.
        (2, [(1, 0.5), (3, 0.4), (5, 0.9)], 4),
        (3, [(1, 0.5), (3, 0.4), (5, 0.9)], 5),
        (4, [(1, 0.5), (3, 0.4), (5, 0.9), (7, 0.8), (9, 0.8)], 10),
        # Nothing is waited for before the first validation.
        (2, [(6, 0.5)], 9),
        (2, [], 20),
        # No number is never better, but a first validation it is.
        (2, [(0, nan), (1, nan), (2, nan)], 3),
        (2, [(0, nan), (1, 0.1), (2, nan), (3, nan)], 4),
        (2, [(0, 0.1), (1, nan), (2, 0.2), (3, nan)], 5),
    ],
)
def test_patience_counts_epochs_since_the_best(
    patience: int, validations: list[tuple[int, float]], epochs: int
) -> None:
    assert ends(patience, validations) == epochs


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({}, 3),  # 0, then 1 and 2 in vain
        ({"val_check_interval": 0.25}, 3),
        ({"val_check_interval": 2}, 3),
        ({"check_val_every_n_epoch": 2}, 4),  # 1, then 2 and 3
        ({"check_val_every_n_epoch": 3}, 5),  # 2, then 3 and 4
        # Every six of four batches an epoch: in epochs 1 and 2, so 1, then 2 and 3.
        ({"val_check_interval": 6, "check_val_every_n_epoch": None}, 4),
    ],
)
@pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended")
def test_patience_is_the_same_however_often_is_validated(
    tmp_path: Path, options: dict[str, Any], epochs: int
) -> None:
    stages = {"source": Stage(9, patience=2), "target": Stage(3)}
    falling = {f"source{epoch}": 1.0 - epoch / 10 for epoch in range(9)}
    module = TinyModule()
    module.scores = falling
    fit(tmp_path / "whole", stages, module, more=[KeepAll(tmp_path)], **options)
    assert [epoch for epoch, _, _ in module.seen] == [
        epoch for epoch in range(epochs + 3) for _ in range(4)
    ]
    for cut in range(epochs):
        resumed = TinyModule()
        resumed.scores = falling
        last = tmp_path / f"epoch={cut}.ckpt"
        fit(tmp_path / f"{cut}", stages, resumed, resume=last, **options)
        assert resumed.seen[-1][0] == epochs + 2, cut


def test_the_sanity_check_is_no_validation(tmp_path: Path) -> None:
    class High(TinyModule):
        """Scores highest before its training, as chance would have it."""

        def validation_step(
            self, batch: list[Tensor], batch_idx: int, dataloader_idx: int = 0
        ) -> None:
            rising = self.current_epoch / 10
            self.scores = {f"source{self.current_epoch}": rising}
            if self.trainer.sanity_checking:
                self.scores = {"source0": 9.0}
            super().validation_step(batch, batch_idx, dataloader_idx)

    module = High()
    fit(
        tmp_path,
        {"source": Stage(4, patience=1), "target": Stage(1)},
        module,
        num_sanity_val_steps=1,
    )
    assert module.seen[-1][0] == 4
