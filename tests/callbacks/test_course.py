from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from crossemo.callbacks import course
from crossemo.callbacks.course import LayerWeights, Pace
from crossemo.recognizer import EmotionRecognizer
from crossemo.stages.clock import StageClock
from crossemo.stages.stage import Stage


def drawn(module: EmotionRecognizer, folder: Path) -> dict[str, list[int]]:
    """Steps of every image after an epoch of 15 steps and a test."""
    logger = TensorBoardLogger(folder)
    trainer: Any = SimpleNamespace(
        is_global_zero=True, loggers=[logger], global_step=15, current_epoch=0
    )
    LayerWeights().on_train_epoch_end(trainer, module)
    module.test_name = "source"
    LayerWeights().on_test_start(trainer, module)
    logger.experiment.close()
    events = EventAccumulator(logger.log_dir).Reload()
    tags = events.Tags()["images"]
    return {tag: [image.step for image in events.Images(tag)] for tag in tags}


def test_weights_are_drawn_at_the_last_step_of_the_epoch(
    wav2vec2: Path, tmp_path: Path
) -> None:
    module = EmotionRecognizer(str(wav2vec2), ("calm", "sad"))
    assert drawn(module, tmp_path) == {
        "layer_weights/training": [14],  # steps count from 0
        "layer_weights/source": [15],
    }


@pytest.mark.parametrize("layers", ["last", 0])
def test_a_chosen_layer_is_not_drawn(
    wav2vec2: Path, tmp_path: Path, layers: Any
) -> None:
    module = EmotionRecognizer(str(wav2vec2), ("calm", "sad"), layers=layers)
    assert drawn(module, tmp_path) == {}


@pytest.mark.parametrize(
    ("seconds", "epochs"),
    [
        (0.0, [0, 1, 2, 3, 4, 5, 6, 7, 8]),  # the end of the run follows epoch 9
        (0.06, [0, 2, 4, 6, 8]),  # 20 times as long are 1.2 s, and an epoch is 1 s
        (9.0, [0, 4]),  # the first stage ends with 4
    ],
)
def test_short_epochs_are_drawn_rarely_and_ends_of_stages_always(
    seconds: float, epochs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(course, "monotonic", lambda: now)
    clock = StageClock({"source": Stage(5), "target": Stage(5)})
    clock.steps_per_epoch = [1, 1]
    pace, drawn = Pace(clock), []
    for epoch in range(10):
        if clock.finished(epoch):
            clock.advance(epoch)
        now += 1.0
        if pace.due(epoch):
            drawn.append(epoch)
            with pace.timed():
                now += seconds
    assert drawn == epochs
