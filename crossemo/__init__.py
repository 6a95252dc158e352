"""Emotion in speech and in music through self-supervised encoders."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossemo.callbacks.fad import FrechetAudioDistance
    from crossemo.callbacks.layerwise import LayerAnalysis
    from crossemo.corpora.demo import Demo
    from crossemo.corpora.ravdess import RAVDESS
    from crossemo.data.datamodules import (
        CrossDomainDataModule,
        MusicEmotionDataModule,
        SpeechEmotionDataModule,
    )
    from crossemo.data.splits import Split
    from crossemo.distances.frechet import frechet_distance
    from crossemo.encoders import load_encoder
    from crossemo.probes import LayerwiseProbes
    from crossemo.recognizer import EmotionRecognizer
    from crossemo.stages.stage import Stage
    from crossemo.stages.switch import StageSwitch

from crossemo.version import __version__ as __version__

_HOMES = {
    "CrossDomainDataModule": "crossemo.data.datamodules",
    "Demo": "crossemo.corpora.demo",
    "EmotionRecognizer": "crossemo.recognizer",
    "FrechetAudioDistance": "crossemo.callbacks.fad",
    "LayerAnalysis": "crossemo.callbacks.layerwise",
    "LayerwiseProbes": "crossemo.probes",
    "MusicEmotionDataModule": "crossemo.data.datamodules",
    "RAVDESS": "crossemo.corpora.ravdess",
    "SpeechEmotionDataModule": "crossemo.data.datamodules",
    "Split": "crossemo.data.splits",
    "Stage": "crossemo.stages.stage",
    "StageSwitch": "crossemo.stages.switch",
    "frechet_distance": "crossemo.distances.frechet",
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
