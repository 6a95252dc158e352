import csv
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crossemo.data.marks import NO_MARK, Mark
from crossemo.errors import CrossEmoError
from crossemo.runs.board import Board, Metrics


def rows(logger: Metrics) -> list[dict[str, str]]:
    logger.save()
    with (Path(logger.log_dir) / "metrics.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_settings_are_not_written_a_second_time(tmp_path: Path) -> None:
    for logger in (Metrics(tmp_path, "a", "0"), Board(tmp_path, "b", "0")):
        logger.log_hyperparams({"lr": 0.1})
        logger.log_metrics({"loss": 1.0}, 0)
        logger.save()
        logger.finalize("success")
        assert not list(Path(logger.log_dir).glob("hparams*"))
        assert list(Path(logger.log_dir).iterdir())


def test_a_name_that_tensorboard_cannot_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CrossEmoError, match=r"below .*/x\\xffy/b, .*--logs"):
        Board(tmp_path / os.fsdecode(b"x\xffy"), "b", "0")


def test_metrics_are_marked_while_clips_leak(tmp_path: Path) -> None:
    logger = Metrics(tmp_path, "a", "0")
    module: Any = SimpleNamespace(mark=NO_MARK)
    logger.module = module
    logger.log_metrics({"loss": 1.0}, 0)
    assert rows(logger) == [{"loss": "1.0", "step": "0"}]
    module.mark = Mark("the weights have seen a/1", sound="pretrained on a")
    columns = {
        "leak": "LEAK, no fair score: the weights have seen a/1",
        "pretraining": "the encoder was pretrained on a",
    }
    logger.log_metrics({"loss": 2.0, "UA": 0.5}, 1)
    assert rows(logger) == [
        {"loss": "1.0", "step": "0", "UA": ""} | dict.fromkeys(columns, ""),
        {"loss": "2.0", "step": "1", "UA": "0.5", **columns},
    ]
    logger.log_metrics({"loss": 3.0}, 2)
    assert [row["loss"] for row in rows(logger)] == ["1.0", "2.0", "3.0"]
