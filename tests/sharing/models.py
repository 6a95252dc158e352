"""Recognisers of random weights, and what they say of a few clips."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing.exporting import Parts, share
from crossemo.sharing.model_facts import ModelFacts
from tests.test_recognizer import save

CLASSES = ("calm", "happy", "sad")
VALUES = ("valence", "arousal")


def moved(encoder: Path | str, **options: Any) -> EmotionRecognizer:
    """Return a recogniser all of whose trained weights have moved."""
    torch.manual_seed(0)
    values = options.get("task") == "values"
    outputs = VALUES if values else CLASSES
    model = EmotionRecognizer(str(encoder), outputs, hidden=8, **options).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
        model.head.classifier.weight.mul_(2)  # so that probabilities differ
    return model


def shared(model: EmotionRecognizer, folder: Path) -> ModelFacts:
    """Write a model to a folder, by way of a checkpoint."""
    checkpoint = folder.with_suffix(".ckpt")
    save(model, checkpoint)
    read = EmotionRecognizer.from_pretrained(checkpoint)
    assert read.facts is not None
    return share(Parts(read.encoder, read.mix, read.head), read.facts, folder)


def clips(lengths: Sequence[int] = (4000, 1700, 1100)) -> list[np.ndarray]:
    """Return noises of different lengths and levels about an offset."""
    rng = np.random.default_rng(0)
    return [
        (level * rng.standard_normal(length) + 0.05).astype(np.float32)
        for level, length in zip((0.3, 0.02, 1.0), lengths, strict=True)
    ]


def logits(model: torch.nn.Module, waveforms: Sequence[np.ndarray]) -> Tensor:
    """Return what a model says of each clip alone."""
    with torch.no_grad():
        rows = [
            model(torch.from_numpy(clip)[None], torch.tensor([len(clip)]))
            for clip in waveforms
        ]
    return torch.cat(rows)
