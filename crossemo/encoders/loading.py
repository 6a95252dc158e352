"""Loading an encoder by name, ready to be trained or left alone."""

from typing import TYPE_CHECKING

import torch

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.files import Source
from crossemo.encoders.models import fingerprint, random_model, read_model
from crossemo.encoders.sources import Description, describe, find_source
from crossemo.encoders.ssl import SSLEncoder
from crossemo.encoders.tuning import TUNINGS, Tuning, add_lora, freeze, train_all
from crossemo.encoders.wavlm import call_projections

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_encoder(
    name: str,
    tuning: Tuning = "frozen",
    *,
    lora_rank: int = 8,
    lora_alpha: float = 16,
    lora_dropout: float = 0.0,
    encoder_dropout: bool | None = None,
    train_feature_extractor: bool | None = None,
    gradient_checkpointing: bool = False,
    seed: int = 0,
) -> SSLEncoder:
    """Load an encoder and say what of it is trained.

    Args:
        name: Catalogue name, local folder, or hub id `owner/name[@revision]`.
        tuning: `frozen` trains nothing, `lora` adapters on the query and value
            projections, `full` everything that the hidden states depend on.
        lora_rank: Rank of the adapters.
        lora_alpha: Scale of the adapters, divided by their rank.
        lora_dropout: Dropout on the adapters' input.
        encoder_dropout: Whether the encoder's own dropout is on in training. By default
            it is with `full`, as in pre-training, and off with `lora`. A frozen encoder
            never has it.
        train_feature_extractor: Whether `full` trains the convolutions on the waveform.
            By default it does if they are random and, as is the custom, doesn't if they
            are pretrained.
        gradient_checkpointing: Trade time for memory in training.
        seed: Seed of random weights and of the adapters' first weights.

    Raises:
        EncoderError: There is no such encoder, its files don't fit together, or an
            option contradicts the tuning.
    """
    _check_options(tuning, lora_rank, encoder_dropout, train_feature_extractor)
    source = find_source(name)
    dropout = tuning == "full" if encoder_dropout is None else encoder_dropout
    model, about, digest = _base(source, dropout=dropout, seed=seed)
    if tuning == "lora":
        add_lora(
            model, rank=lora_rank, alpha=lora_alpha, dropout=lora_dropout, seed=seed
        )
    elif tuning == "full":
        convolutions = train_feature_extractor
        if convolutions is None:
            convolutions = not source.pretrained
        train_all(model, feature_extractor=convolutions)
    else:
        freeze(model)
    return SSLEncoder(
        model,
        name=name,
        facts=about.facts,
        normalised=about.normalise,
        fingerprint=digest,
        tuning=tuning,
        pretrained=source.pretrained,
        gradient_checkpointing=gradient_checkpointing,
    )


def _base(
    source: Source, *, dropout: bool, seed: int
) -> "tuple[PreTrainedModel, Description, str]":
    about = describe(source)
    with torch.random.fork_rng(devices=[]):  # reading draws random numbers too
        if source.pretrained:
            model = read_model(source, about, dropout=dropout)
        else:
            model = random_model(source.name, about, dropout=dropout, seed=seed)
    digest = fingerprint(model, about, None if source.pretrained else seed)
    if about.family == "wavlm":
        call_projections(model)
    return model, about, digest


def _check_options(
    tuning: str, rank: int, dropout: bool | None, convolutions: bool | None
) -> None:
    if tuning not in TUNINGS:
        raise EncoderError(f"Unknown tuning {tuning!r}: choose {', '.join(TUNINGS)}.")
    if tuning == "lora" and rank < 1:
        raise EncoderError(f"lora_rank is {rank}: it must be at least 1.")
    if tuning == "frozen" and dropout:
        raise EncoderError(
            "encoder_dropout can't be on in a frozen encoder: use tuning lora or full."
        )
    if tuning != "full" and convolutions:
        raise EncoderError(
            f"train_feature_extractor has no meaning with tuning {tuning}: use full."
        )
