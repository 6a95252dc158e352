"""transformers' models from files or from a seed, refusing what would fit only in part.

No code of a repository is run, and weights are read as tensors only.
"""

import json
import pickle
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from crossemo.encoders.catalogue import EncoderError, Family
from crossemo.encoders.families.mert import check_weight_norm, hubert_config
from crossemo.encoders.hub import Source, fetch
from crossemo.encoders.sources import Description

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WEIGHTS = ("model.safetensors", "pytorch_model.bin")

_CLASSES: dict[Family, str] = {
    "wav2vec2": "Wav2Vec2",
    "hubert": "Hubert",
    "wavlm": "WavLM",
    "data2vec-audio": "Data2VecAudio",
    "mert": "Hubert",
}
# What transformers switches on in training mode: layers left out at random, which
# repeats hidden states and leaves parameters without a gradient, and masked stretches
# of time. Without the latter a model has no `masked_spec_embed`.
_ALWAYS_OFF = {
    "apply_spec_augment": False,
    "layerdrop": 0.0,
    "mask_feature_prob": 0.0,
    "mask_time_prob": 0.0,
}
_DROPOUT_OFF = {
    "activation_dropout": 0.0,
    "attention_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "hidden_dropout": 0.0,
}
# Fields of config.json about how files are read rather than what the encoder is.
_FOREIGN = {
    "architectures",
    "auto_map",
    "dtype",
    "gradient_checkpointing",
    "quantization_config",
    "torch_dtype",
    "transformers_weights",
}
# Fields that change hidden states without a trace in the names and shapes of weights.
_ARCHITECTURE = (
    "conv_stride",
    "do_stable_layer_norm",
    "feat_extract_activation",
    "hidden_act",
    "layer_norm_eps",
    "max_bucket_distance",
    "num_attention_heads",
)
# What pre-training and fine-tuning put above the encoder: the quantiser and projections
# of the contrastive loss, HuBERT's cluster head, heads of recognisers and classifiers;
# and the vector that stands for masked time. Hidden states depend on none of it.
_HEADS = re.compile(
    r"(quantizer|project_q|project_hid|final_proj|label_embs_concat|lm_head|projector"
    r"|classifier|layer_weights)(\.|$)|(.*\.)?masked_spec_embed$"
)
_UNREADABLE = (
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    SafetensorError,
    ValueError,
    pickle.UnpicklingError,
)


def read_model(
    source: Source, about: Description, *, dropout: bool
) -> "PreTrainedModel":
    """Read a pretrained model in float32.

    Args:
        source: Where its files are.
        about: What they say.
        dropout: Whether the model's own dropout is on in training mode.

    Raises:
        EncoderError: The weights are missing, broken, or another model's.
    """
    weights = fetch(source, *WEIGHTS)
    if weights is None:
        raise EncoderError(
            f"{source.name} holds no weights: it needs {' or '.join(WEIGHTS)}."
        )
    if (weights.parent / "adapter_config.json").is_file():
        raise EncoderError(
            f"{source.name} holds an adapter, which transformers would put on another "
            "encoder: merge it into its encoder and save that."
        )
    model_class, config = _configure(source.name, about, dropout=dropout)
    try:
        with _quiet():  # the report is judged below
            model, report = model_class.from_pretrained(
                weights.parent,
                config=config,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except _UNREADABLE as error:
        raise EncoderError(f"Can't read the weights in {weights}: {error}") from error
    _refuse_other_weights(source.name, about, report)
    if about.family == "mert":
        check_weight_norm(model, weights)
    return model


def random_model(
    name: str, about: Description, *, dropout: bool, seed: int
) -> "PreTrainedModel":
    """Make a model with random weights, the same for the same seed.

    Args:
        name: Name of the encoder.
        about: Its family and configuration.
        dropout: Whether the model's own dropout is on in training mode.
        seed: Seed of the weights.
    """
    model_class, config = _configure(name, about, dropout=dropout)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return model_class(config)


def fingerprint(model: "PreTrainedModel", about: Description, seed: int | None) -> str:
    """Return a digest (BLAKE2b, 128 bits, hex) of what gives the hidden states.

    Args:
        model: The model as loaded.
        about: What its files say.
        seed: Seed of random weights; None hashes the weights.
    """
    digest = blake2b(digest_size=16)
    shape = [getattr(model.config, key, None) for key in _ARCHITECTURE]
    traits = [about.family, shape, about.facts, about.normalise, seed]
    digest.update(json.dumps(traits).encode())
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(f"{key} {tuple(tensor.shape)}".encode())
        if seed is None:
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def _configure(name: str, about: Description, *, dropout: bool) -> tuple[Any, Any]:
    import transformers  # its models take seconds to import

    stem = _CLASSES[about.family]
    model_class = getattr(transformers, f"{stem}Model")
    config_class = getattr(transformers, f"{stem}Config")
    fields = about.config
    if about.family == "mert":
        fields = hubert_config(name, fields)
    fields = {key: value for key, value in fields.items() if key not in _FOREIGN}
    fields |= _ALWAYS_OFF if dropout else _ALWAYS_OFF | _DROPOUT_OFF
    if fields.get("conv_pos_batch_norm"):
        raise EncoderError(
            f"{name} has a batch norm before its positional convolution, which mixes "
            "the clips of a batch: choose an encoder without conv_pos_batch_norm."
        )
    try:
        config = config_class.from_dict(fields)
    except (StrictDataclassError, TypeError, ValueError) as error:
        raise EncoderError(f"The config.json of {name} is broken: {error}") from error
    if about.family != "wavlm":  # which has an attention of its own
        config._attn_implementation = "sdpa"
    return model_class, config


def _refuse_other_weights(
    name: str, about: Description, report: Mapping[str, Any]
) -> None:
    unexpected = [key for key in report["unexpected_keys"] if not _HEADS.match(key)]
    mismatched = [key for key, *_ in report["mismatched_keys"]]
    complaints = {
        "lacks": sorted(report["missing_keys"]),
        "has besides": sorted(unexpected),
        "has in another shape": sorted(mismatched),
    }
    found = [
        f"{verb} {keys[0]}" + (f" and {len(keys) - 1} more" if keys[1:] else "")
        for verb, keys in complaints.items()
        if keys
    ]
    if found:
        raise EncoderError(
            f"The weights of {name} aren't those of a {about.family} encoder as its "
            f"config.json describes it: the file {', '.join(found)}."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
