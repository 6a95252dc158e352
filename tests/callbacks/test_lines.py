import csv
import logging
from io import StringIO
from pathlib import Path

import pytest

from crossemo import progress
from crossemo.callbacks.lines import MinuteLines
from tests.stages.test_switch import fit


def test_every_minute_says_stage_epoch_share_and_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    caplog.set_level(logging.INFO, "crossemo.progress")
    fit(tmp_path, more=[MinuteLines()], enable_progress_bar=True)
    lines = [one for one in caplog.messages if one.startswith("Training: ")]
    # Three epochs of the source and two of the target, each of four steps.
    assert len(lines) == 20
    assert lines[0] == "Training: 5 % after 0 min, stage source, epoch 1 of 5."
    text = (tmp_path / "lightning_logs" / "run" / "metrics.csv").read_text()
    scores = [row for row in csv.DictReader(StringIO(text)) if row["val/source/score"]]
    for number, line in enumerate(lines[4:], 4):
        stage, row = "source" if number < 12 else "target", scores[number // 4 - 1]
        assert line.startswith(
            f"Training: {5 * (number + 1)} % after 0 min, stage {stage}, "
            f"epoch {number // 4 + 1} of 5; validation: "
            f"source {float(row['val/source/score']):.3f}, "
            f"target {float(row['val/target/score']):.3f}, "
        )


def test_less_than_a_minute_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "crossemo.progress")
    fit(tmp_path, more=[MinuteLines()], enable_progress_bar=True)
    assert "Training" not in caplog.text
