"""The model that hears recordings: how it is used to hear them, and its digest."""

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Protocol

import torch
from torch import Tensor

from crossemo.data.windows import Windowing
from crossemo.encoders import SSLEncoder
from crossemo.errors import CrossEmoError
from crossemo.heads import EmotionHead
from crossemo.mix import LayerMix
from crossemo.recognition.cutting import Cutting
from crossemo.sharing.model_facts import ModelFacts
from crossemo.sharing.reliability import Reliability
from crossemo.tasks import Task


class Model(Protocol):
    """An `EmotionRecognizer` in evaluation mode, as far as recordings need it."""

    encoder: SSLEncoder
    mix: LayerMix
    head: EmotionHead
    task: Task
    facts: ModelFacts | None
    reliability: Reliability | None

    def state_dict(self) -> Mapping[str, Any]:
        """Return all weights by name."""


def cutting_of(
    model: Model, window: float | None = None, hop: float | None = None
) -> Cutting:
    """Return how recordings are cut.

    Args:
        model: The model. By default it hears recordings as clips were heard in its run:
            whole, or as the mean over windows, and so much of their middle.
        window: Seconds of windows that are answered for one by one; 0 hears recordings
            whole, however long they are.
        hop: Seconds from the start of one window to that of the next; those of a window
            if None.

    Raises:
        CrossEmoError: There are no such windows, or a hop without a window.
    """
    rate, least = model.encoder.sampling_rate, model.encoder.min_samples
    if window is not None:
        windowing = Windowing.of_seconds(window, hop, rate, least)
        return Cutting(rate, windowing, bool(window), always_whole=not window)
    if hop is not None:
        raise CrossEmoError(
            f"hop is {hop:g} s and there is no window: give one too, in seconds."
        )
    if (facts := model.facts) is None:
        return Cutting(rate)
    windowing = Windowing.of_seconds(facts.window, facts.hop, rate, least)
    return Cutting(rate, windowing, excerpt=facts.excerpt)


def model_digest(model: Model) -> str:
    """Return a digest (BLAKE2b, 128 bits, hex) of all that changes what a model says.

    Pretrained weights that no training has changed count by their fingerprint.
    """
    facts = [model.encoder.fingerprint(), model.task.kind, model.task.outputs]
    digest = blake2b(json.dumps(facts).encode(), digest_size=16)
    pretrained = {f"encoder.{key}" for key in model.encoder.pretrained_keys()}
    tensors: dict[str, Tensor] = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name not in pretrained
    }
    if model.reliability is not None:
        # What a test has counted since changes no answer.
        tensors |= replace(model.reliability, false_alarms=None).tensors()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        content = tensor.cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()
