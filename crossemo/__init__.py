"""Emotion in speech and in music through self-supervised encoders."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossemo.callbacks.fad import FrechetAudioDistance
    from crossemo.callbacks.layers import LayerAnalysis
    from crossemo.callbacks.stages import StageSwitch
    from crossemo.corpora.demo import Demo
    from crossemo.corpora.ravdess import RAVDESS
    from crossemo.data.datamodules import (
        CrossDomainDataModule,
        MusicEmotionDataModule,
        SpeechEmotionDataModule,
    )
    from crossemo.encoders import load_encoder
    from crossemo.metrics.frechet import frechet_distance
    from crossemo.probes import LayerwiseProbes
    from crossemo.recognizer import EmotionRecognizer
    from crossemo.splits import Split
    from crossemo.stages import Stage

__version__ = "0.1.0"

_HOMES = {
    "CrossDomainDataModule": "crossemo.data.datamodules",
    "Demo": "crossemo.corpora.demo",
    "EmotionRecognizer": "crossemo.recognizer",
    "FrechetAudioDistance": "crossemo.callbacks.fad",
    "LayerAnalysis": "crossemo.callbacks.layers",
    "LayerwiseProbes": "crossemo.probes",
    "MusicEmotionDataModule": "crossemo.data.datamodules",
    "RAVDESS": "crossemo.corpora.ravdess",
    "SpeechEmotionDataModule": "crossemo.data.datamodules",
    "Split": "crossemo.splits",
    "Stage": "crossemo.stages",
    "StageSwitch": "crossemo.callbacks.stages",
    "frechet_distance": "crossemo.metrics.frechet",
    "load_encoder": "crossemo.encoders",
}
__all__ = [
    "RAVDESS",
    "CrossDomainDataModule",
    "Demo",
    "EmotionRecognizer",
    "FrechetAudioDistance",
    "LayerAnalysis",
    "LayerwiseProbes",
    "MusicEmotionDataModule",
    "SpeechEmotionDataModule",
    "Split",
    "Stage",
    "StageSwitch",
    "frechet_distance",
    "load_encoder",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    # Loaded when first used: reading a corpus must not wait for transformers.
    if name not in _HOMES:
        raise AttributeError(f"module 'crossemo' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
