"""Loading an encoder by name, ready to be trained or left alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.encoder import SSLEncoder
from crossemo.encoders.families.wavlm import call_projections
from crossemo.encoders.hub import Source
from crossemo.encoders.models import fingerprint, random_model, read_model
from crossemo.encoders.sources import Description, describe, find_source
from crossemo.encoders.tuning.adaptation import TUNINGS, Adaptation, Tuning

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_encoder(
    name: str,
    tuning: Tuning = "frozen",
    *,
    options: Mapping[str, Any] | None = None,
    encoder_dropout: bool | None = None,
    train_feature_extractor: bool | None = None,
    gradient_checkpointing: bool = False,
    random_weights: bool = False,
    seed: int = 0,
) -> SSLEncoder:
    """Load an encoder and say what of it is trained.

    Args:
        name: Catalogue name, local folder, or hub id `owner/name[@revision]`.
        tuning: `frozen` trains nothing; `full` everything that the hidden states depend
            on; `bitfit` the biases; `houlsby` bottleneck adapters; the name of one of
            peft's methods its adapters (see `RECIPES` for the places that they take);
            `peft` the method that the options name as `peft_type`.
        options: Of the tuning: any of peft's own, or the `size` of `houlsby`.
        encoder_dropout: Whether the encoder's own dropout is on in training. By default
            it is with `full`, as in pre-training, and off otherwise. While nothing of
            an encoder is trained, it never has it.
        train_feature_extractor: Whether the convolutions on the waveform may be
            trained. By default they are if they are random and, as is the custom,
            aren't if they are pretrained.
        gradient_checkpointing: Trade time for memory in training.
        random_weights: Draw the weights of a pretrained encoder anew, to tell what it
            owes to its pre-training.
        seed: Seed of random weights and of the adapters' first weights.

    Raises:
        EncoderError: There is no such encoder, its files don't fit together, or an
            option contradicts the tuning.
    """
    if tuning not in TUNINGS:
        raise EncoderError(f"Unknown tuning {tuning!r}: choose {', '.join(TUNINGS)}.")
    source = find_source(name)
    dropout = tuning == "full" if encoder_dropout is None else encoder_dropout
    pretrained = source.pretrained and not random_weights
    model, about, digest = _base(source, pretrained, dropout=dropout, seed=seed)
    convolutions = train_feature_extractor
    if convolutions is None:
        convolutions = not pretrained
    return SSLEncoder(
        model,
        name=name,
        facts=about.facts,
        normalised=about.normalise,
        fingerprint=digest,
        adaptation=Adaptation(model, tuning, options or {}, seed, convolutions),
        pretrained=pretrained,
        gradient_checkpointing=gradient_checkpointing,
    )


def _base(
    source: Source, pretrained: bool, *, dropout: bool, seed: int
) -> "tuple[PreTrainedModel, Description, str]":
    about = describe(source)
    with torch.random.fork_rng(devices=[]):  # reading draws random numbers too
        if pretrained:
            model = read_model(source, about, dropout=dropout)
        else:
            model = random_model(source.name, about, dropout=dropout, seed=seed)
    digest = fingerprint(model, about, None if pretrained else seed)
    if about.family == "wavlm":
        call_projections(model)
    return model, about, digest
