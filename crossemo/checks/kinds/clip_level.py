"""Clips come at the level that the weights were trained on."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from crossemo.checks.extractor_settings import extractor_settings
from crossemo.checks.line import Line, judged, unlike
from crossemo.checks.subject import Subject
from crossemo.encoders.masking import normalise

_BOUND = 2e-3  # 1e-7 beside the variance of a quiet clip is half of that


def check(subject: Subject) -> Iterator[Line]:
    """Compare what is made of a quiet clip and of the same one normalised."""
    name = "normalised as the files say"
    if subject.by_user:
        parts = subject.encoder.model.encoder_parts()
        says = any(_of_waveforms(extractor_settings(part)) for _, part in parts)
    else:
        says = subject.about.normalise
    layer_norms = subject.about.files.config.get("feat_extract_norm") == "layer"
    if not says and layer_norms and subject.about.source.pretrained:
        yield Line(
            name,
            "do_normalize is off",
            "on",
            "note",
            "Encoders with layer norms in their convolutions commonly learnt from "
            "clips of zero mean and unit variance: if yours did, say do_normalize in "
            "preprocessor_config.json.",
        )
        return
    if not says:
        why = "Nothing says that clips are to be of zero mean and unit variance."
        yield Line(
            name,
            "as they are",
            "-",
            "sound" if not subject.by_user else "not checked",
            why,
        )
        return
    quiet = 0.2 * subject.noise(40) + 0.01
    inside = torch.ones(1, len(quiet), dtype=torch.bool)
    (whole,) = normalise(quiet[None], inside)
    yield judged(
        name,
        unlike(_states(subject, quiet), _states(subject, whole)),
        _BOUND,
        "preprocessor_config.json says do_normalize: bring each clip to zero mean and "
        "unit variance over its own samples.",
    )


def _of_waveforms(settings: Mapping[str, Any]) -> bool:
    """Return whether waveforms are normalised, rather than a spectrogram."""
    return bool(settings.get("do_normalize")) and "num_mel_bins" not in settings


def _states(subject: Subject, clip: Tensor) -> Tensor:
    return subject.hidden_states([clip])[0]
