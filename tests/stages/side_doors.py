"""Weights that have seen some singers, for those who would be judged by them."""

from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer

from crossemo.corpora.base import Clip
from crossemo.data.datamodules import EmotionDataModule, SpeechEmotionDataModule
from crossemo.recognizer import EmotionRecognizer
from tests.data.modules import ready
from tests.data.tones import Tones

LABELS = {"happy": ["happy"], "sad": ["sad"]}


class Choir(Tones):
    """The tones under the names of another corpus: other clips, other groups."""

    folds = tuple(frozenset({f"choir/{singer}"}) for singer in range(6))

    def __init__(self, root: Path, **options: Any) -> None:
        super().__init__(root, **options)
        self.name = "choir"

    def clips(self) -> list[Clip]:
        return [
            Clip(
                f"choir/{one.path.stem}",
                one.path,
                (f"choir/{one.groups[0].rpartition('/')[2]}",),
                one.label,
            )
            for one in super().clips()
        ]


def data_of(
    root: Path, fold: int = 0, corpus: type[Tones] = Tones, singers: int = 6
) -> EmotionDataModule:
    """Fold k tests singer k, chooses by the next one and trains on the others."""
    tones = corpus(root, singers=range(singers), emotions=list(LABELS))
    options: dict[str, Any] = {"labels": LABELS, "cache_dir": root.parent / "cache"}
    return ready(SpeechEmotionDataModule(tones, fold=fold, **options))


def trainer(**options: Any) -> Trainer:
    usual: dict[str, Any] = {
        "accelerator": "cpu",
        "enable_checkpointing": "default_root_dir" in options,
        "enable_model_summary": False,
        "enable_progress_bar": False,
        "limit_train_batches": 1,
        "logger": False,
        "max_epochs": 1,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
    }
    return Trainer(**usual | options)


def recogniser(encoder: Path | str, **options: Any) -> EmotionRecognizer:
    return EmotionRecognizer(str(encoder), tuple(LABELS), **options)


def trained(
    model: EmotionRecognizer, data: EmotionDataModule, path: Path, **options: Any
) -> Path:
    """Train a model and return its checkpoint."""
    run = trainer(**options)
    run.fit(model, data)
    run.save_checkpoint(path)
    return path


def loaded(path: Path, **options: Any) -> EmotionRecognizer:
    return EmotionRecognizer.load_from_checkpoint(path, **options)


def judge(model: LightningModule, data: EmotionDataModule) -> None:
    trainer().test(model, data, verbose=False)
