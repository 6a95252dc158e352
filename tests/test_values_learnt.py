"""What can be heard of values is found, and nothing where ratings were dealt anew."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer, seed_everything

from crossemo.data.datamodules import MusicEmotionDataModule
from crossemo.errors import CrossEmoError
from crossemo.metrics.regression import concordance
from crossemo.recognizer import EmotionRecognizer
from crossemo.tasks.values import Values
from tests.data.valued import Valued


def music(corpus: Valued, cache: Path) -> MusicEmotionDataModule:
    options: dict[str, Any] = {"split": "kfold", "folds": 4, "cache_dir": cache}
    return MusicEmotionDataModule(corpus, task=Values(), **options)


def quiet_trainer(epochs: int) -> Trainer:
    quiet: dict[str, Any] = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "limit_val_batches": 0,
        "use_distributed_sampler": False,
    }
    return Trainer(max_epochs=epochs, accelerator="cpu", **quiet)


def fitted(
    root: Path, permuted: bool = False, lr: float = 8e-3
) -> tuple[EmotionRecognizer, Valued]:
    corpus = Valued(root, singers=12, takes=20, noise=0.25, permuted=permuted)
    data = music(corpus, root / "cache")
    seed_everything(0)
    model = EmotionRecognizer(
        "tiny",
        classes=data.classes,
        task=data.task_kind,
        tuning="full",
        lr=lr,
        encoder_lr=lr,
    )
    trainer = quiet_trainer(18)
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    return model, corpus


def heard(model: EmotionRecognizer, corpus: Valued) -> torch.Tensor:
    """Return what can be heard of the tested clips, `(clips, 2)`."""
    assert model._data is not None
    clips = model._data.dataset("music", "test").clips
    numbers = [int(clips[one].id.split("/")[1]) for one in model.judged["music"].places]
    return torch.from_numpy(corpus.heard[numbers]).float()


def test_what_can_be_heard_is_found_and_no_more(tmp_path: Path) -> None:
    model, corpus = fitted(tmp_path)
    judged, scores = model.judged["music"], model.evaluations["music"]
    sound = heard(model, corpus)
    assert concordance(judged.predictions.T, sound.T).mean() > 0.75
    # Who hears everything can't know the raters' noise.
    most = float(concordance(sound.T, judged.targets.T).mean())
    assert 0.8 < most < 0.95
    assert most - 0.2 < scores["CCC"] < most + 0.03
    low, high = scores["CCC_interval"]
    assert 0 < low < scores["CCC"] < high


def test_ratings_that_were_dealt_anew_teach_nothing(tmp_path: Path) -> None:
    model, _ = fitted(tmp_path, permuted=True, lr=2e-3)
    scores = model.evaluations["music"]
    assert model.judged["music"].predictions.std(0).min() > 0.1
    assert abs(scores["CCC"]) < 0.2
    low, high = scores["CCC_interval"]
    assert low < 0 < high


def test_a_model_of_classes_takes_no_values(tmp_path: Path) -> None:
    data = music(Valued(tmp_path), tmp_path / "cache")
    model = EmotionRecognizer("tiny", classes=data.classes)
    with pytest.raises(CrossEmoError, match="classes are valence, arousal") as error:
        quiet_trainer(1).fit(model, data)
    assert "classes=data.classes and task=data.task_kind" in str(error.value)
