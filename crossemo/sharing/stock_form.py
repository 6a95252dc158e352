"""A recogniser as a classifier of transformers, where it is the same function.

Such a classifier (SUPERB's) sums the hidden states of all layers, projects each frame,
takes the mean over frames and classifies it; so does a recogniser of mean pooling. One
layer alone is a sum with all weight on it: what `last_hidden_state` names stands behind
another norm in some models.
"""

import warnings
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crossemo.encoders import EncoderError, SSLEncoder
from crossemo.encoders.fixed_windows import WindowedFamily
from crossemo.encoders.tensors import OF_RECOGNISER, read_tensors
from crossemo.encoders.weights import build_with_transformers, quiet
from crossemo.heads import EmotionHead, MeanPooling
from crossemo.mix import LayerMix

# Stands for the logarithm of 0: its softmax beside others is 0 in any precision.
_LOG_ZERO = -1e4
_NAMES = {
    "layer_weights": "mix.raw_weights",
    "projector.weight": "head.projection.weight",
    "projector.bias": "head.projection.bias",
    "classifier.weight": "head.classifier.weight",
    "classifier.bias": "head.classifier.bias",
}


def obstacle(encoder: SSLEncoder, mix: LayerMix, head: EmotionHead) -> str | None:
    """Return why transformers has no class for a recogniser; None if it may have."""
    if not isinstance(head.pooling, MeanPooling):
        return "attentive pooling has no class in transformers"
    if mix.layer_norm:
        return "a layer norm before the sum over layers has no class in transformers"
    if encoder.tuning == "houlsby":
        return "bottleneck adapters can't be merged into the encoder's weights"
    if isinstance(encoder.family, WindowedFamily):
        return (
            f"transformers' classifier on {encoder.family.name} hears the silence "
            "behind a clip too"
        )
    if _classifier(encoder) is None:
        return f"transformers has no classifier on {encoder.family.name}"
    return None


def oldest_version(encoder: SSLEncoder, task: str) -> str:
    """Return the oldest version of transformers to which a classifier is the same.

    Before 5.16 the last hidden state of encoders with a norm behind the last block had
    passed it. Before 5.23 `pipeline` made probabilities of all outputs.
    """
    if task == "values":
        return "5.23"
    normed = "encoder.layer_norm." in encoder.family.unreached(encoder.model)
    return "5.16" if normed else "5.0"


def write_stock(
    encoder: SSLEncoder,
    mix: LayerMix,
    head: EmotionHead,
    classes: Sequence[str],
    problem: str,
    folder: Path,
) -> None:
    """Write config.json and model.safetensors of a classifier of transformers.

    Args:
        encoder: The encoder; its adapters are merged.
        mix: The mix of its hidden states.
        head: The head.
        classes: Names of the outputs in order.
        problem: transformers' name of what is learnt, by which its pipeline turns
            logits into scores: `single_label_classification` or `regression`.
        folder: Where to.

    Raises:
        EncoderError: The adapters can't be merged, or the class has other weights.
        OSError: The folder can't be written or the disk is full.
    """
    classifier: Any = _classifier(encoder)
    model = encoder.merged()
    config = deepcopy(model.config)
    config.use_weighted_layer_sum = True
    config.classifier_proj_size = head.projection.out_features
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: number for number, name in enumerate(classes)}
    config.problem_type = problem
    config._attn_implementation = None
    prefix = classifier.base_model_prefix
    state = {f"{prefix}.{key}": value for key, value in model.state_dict().items()}
    ours = {f"head.{key}": value for key, value in head.state_dict().items()}
    ours["mix.raw_weights"] = mix.weights().detach().log().clamp(min=_LOG_ZERO)
    state |= {theirs: ours[name] for theirs, name in _NAMES.items()}
    tensors = {key: value.detach().cpu().float() for key, value in state.items()}
    built, report = build_with_transformers(classifier, config, tensors)
    if any(report.values()):
        raise EncoderError("the class of transformers has other weights")
    with quiet():
        built.save_pretrained(folder)


def stock_outputs(folder: Path, waveform: Tensor) -> Tensor:
    """Return what transformers' classifier in a folder says of a clip.

    Args:
        folder: The folder.
        waveform: `(samples,)` at the rate of the model.

    Returns:
        `(outputs,)`.
    """
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    with quiet():
        model = AutoModelForAudioClassification.from_pretrained(
            folder, trust_remote_code=False
        ).eval()
    extractor = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False)
    rate = extractor.sampling_rate
    inputs = extractor(waveform.numpy(), sampling_rate=rate, return_tensors="pt")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of WavLM's masks
        logits: Tensor = model(**inputs).logits[0]
    return logits


def read_stock(weights: Path) -> dict[str, Tensor]:
    """Return the weights in a classifier's file by a recogniser's names.

    Raises:
        EncoderError: The file is damaged.
    """
    stored = read_tensors(weights)
    return {
        _NAMES.get(key, f"{OF_RECOGNISER}{key.partition('.')[2]}"): tensor
        for key, tensor in stored.items()
    }


def _classifier(encoder: SSLEncoder) -> Any:  # noqa: ANN401
    """Return transformers' class of a classifier on an encoder; None without one."""
    from transformers import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING as CLASSES
    from transformers import PreTrainedModel

    if not isinstance(encoder.model, PreTrainedModel):  # ours has a config of theirs
        return None
    config = encoder.model.config
    if type(config) not in CLASSES or getattr(config, "add_adapter", False):
        return None
    return CLASSES[type(config)]
