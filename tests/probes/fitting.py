"""Probes that are fitted to made-up clips, through a trainer."""

from pathlib import Path
from typing import Any

from lightning import Trainer

from crossemo.corpora.ravdess import RAVDESS
from crossemo.data.datamodule import EmotionDataModule
from crossemo.data.datamodules import CrossDomainDataModule, SpeechEmotionDataModule
from crossemo.probes import LayerwiseProbes
from crossemo.probes.judgements import Judgements

QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "use_distributed_sampler": False,
}
FEW: dict[str, dict[str, Any]] = {
    "linear": {"penalties": (1e-4, 1e-2), "shuffles": 1, "references": []},
    "superb": {
        "head": "superb",
        "rates": (1e-2, 1e-1),
        "seeds": (0, 1),
        "shuffles": 1,
        "hidden": 8,
        "references": [],
        "patience": 6,
    },
}


def speech(root: Path, **options: Any) -> EmotionDataModule:
    return SpeechEmotionDataModule(
        RAVDESS(root), **{"split": "leave_one_out"} | options
    )


def speech_and_song(root: Path, **options: Any) -> EmotionDataModule:
    corpora = RAVDESS(root), RAVDESS(root, "song")
    return CrossDomainDataModule(*corpora, **{"split": "leave_one_out"} | options)


def trainer(**options: Any) -> Trainer:
    """A quiet trainer of float64, which leaves no files."""
    usual = QUIET | {"precision": "64-true", "max_epochs": 40}
    return Trainer(**usual | {"enable_checkpointing": False} | options)


def few(
    data: EmotionDataModule, encoder: Path, head: str = "linear", **options: Any
) -> LayerwiseProbes:
    """Make probes of few penalties, or rates, unless the options say others."""
    settings = FEW[head] | options
    return LayerwiseProbes(str(encoder), data.classes, **settings).on(data)


def fit(
    data: EmotionDataModule, encoder: Path, head: str = "linear", **options: Any
) -> LayerwiseProbes:
    """Make such probes, and fit them."""
    probes = few(data, encoder, head, **options)
    trainer().fit(probes)
    return probes


def judged(probes: LayerwiseProbes) -> Judgements:
    """What probes said that have learnt."""
    assert probes.judgements is not None
    return probes.judgements
