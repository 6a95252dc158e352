from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from crossemo.callbacks.course import LayerWeights
from crossemo.recognizer import EmotionRecognizer


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
