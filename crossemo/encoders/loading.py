"""Loading an encoder by name, ready to be trained or left alone."""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from crossemo.data.provenance import NOTHING
from crossemo.encoders.attention import Attention, choose_attention, compile_blocks
from crossemo.encoders.building import one_refusal
from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.description import Description, describe, describe_files
from crossemo.encoders.embedding import refuse_embedding
from crossemo.encoders.encoder import SSLEncoder
from crossemo.encoders.families.base import EncoderFiles, Model
from crossemo.encoders.sources import WEIGHTS, Source, fetch, find_source
from crossemo.encoders.tuning.adaptation import TUNINGS, Adaptation, Tuning
from crossemo.encoders.weights import (
    fingerprint,
    random_model,
    read_bottlenecks,
    read_model,
    try_out,
)

logger = logging.getLogger(__name__)


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
    for_distances: bool = False,
    attention: Attention = "sdpa",
    compile: bool = False,
) -> SSLEncoder:
    """Load an encoder and say what of it is trained.

    Args:
        name: Catalogue name, local folder, hub id `owner/name[@revision]`, or a class
            in the user's own file, `file.py:Class`.
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
        for_distances: Whether it may be one that gives a single embedding, in which
            distances are measured.
        attention: How blocks attend, as transformers calls it: `sdpa`, torch's own;
            `eager`, step by step; `flash_attention_2` or `flash_attention_3`, where
            they are installed, the encoder's attention allows them, and a GPU computes
            in half precision. They give the same states to rounding.
        compile: Compile the blocks with `torch.compile`.

    Raises:
        EncoderError: There is no such encoder, its files don't fit together, an option
            contradicts the tuning, it is for distances only, or can't attend or be
            compiled so.
    """
    if tuning not in TUNINGS:
        raise EncoderError(f"Unknown tuning {tuning!r}: choose {', '.join(TUNINGS)}.")
    about = describe(find_source(name))
    if not for_distances:
        refuse_embedding(about.family, name)
    if random_weights and about.source.code is not None:
        raise EncoderError(
            f"Only its own file can draw the weights of {name}: write a class that "
            "does."
        )
    pretrained = about.source.pretrained and not random_weights
    if pretrained and about.family.untried:
        logger.warning(
            "%s is read by the names and shapes of the public code of %s, and no "
            "published weights of it have been tried: compare a clip's hidden states "
            "with that code's before you rely on them.",
            name,
            about.family.name,
        )
    dropout = tuning == "full" if encoder_dropout is None else encoder_dropout
    return _adapted(
        about,
        tuning,
        options,
        pretrained=pretrained,
        dropout=dropout,
        front_end=train_feature_extractor,
        gradient_checkpointing=gradient_checkpointing,
        seed=seed,
        attention=attention,
        compiled=compile,
    )


def encoder_of_files(
    files: EncoderFiles,
    tuning: Tuning = "frozen",
    options: Mapping[str, Any] | None = None,
) -> SSLEncoder:
    """Return an encoder of the shape that small files describe, with random weights.

    Args:
        files: The files.
        tuning: As in `load_encoder`.
        options: As in `load_encoder`.

    Raises:
        EncoderError: The files are broken, or an option contradicts the tuning.
    """
    with one_refusal(files.name):
        about = describe_files(Source(files.name), files)
    return _adapted(about, tuning, options, pretrained=False)


def untried_encoder(
    about: Description,
    tuning: Tuning = "frozen",
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> SSLEncoder:
    """Return an encoder as `load_encoder` does, whatever numbers it makes.

    Args:
        about: What its files say.
        tuning: As in `load_encoder`; `full` trains the convolutions too.
        options: As in `load_encoder`.
        seed: As in `load_encoder`.

    Raises:
        EncoderError: Its files don't fit together.
    """
    pretrained = about.source.pretrained
    return _adapted(
        about,
        tuning,
        options,
        pretrained=pretrained,
        front_end=True,
        seed=seed,
        tried=False,
    )


def _adapted(
    about: Description,
    tuning: Tuning,
    options: Mapping[str, Any] | None,
    *,
    pretrained: bool,
    dropout: bool = False,
    front_end: bool | None = None,
    gradient_checkpointing: bool = False,
    seed: int = 0,
    attention: Attention = "sdpa",
    compiled: bool = False,
    tried: bool = True,
) -> SSLEncoder:
    name, narrow = about.source.name, tuning == "houlsby"
    with one_refusal(name):
        model = _load(about, pretrained, dropout=dropout, seed=seed, narrow=narrow)
        digest = fingerprint(model, about, None if pretrained else seed)
        about.family.adjust(model)
        if tried:
            try_out(model, about)
        choose_attention(model, attention, name)
    front_end = not pretrained if front_end is None else front_end
    stock = partial(_stock, about, pretrained, seed)
    adaptation = Adaptation(
        model, about.family, tuning, options or {}, stock, seed, front_end
    )
    if narrow and pretrained:
        with one_refusal(name):
            bottlenecks = read_bottlenecks(about, _weights(about))
            model.load_state_dict(bottlenecks, strict=False)
    if compiled:
        compile_blocks(about.family.blocks(model), name)
    return SSLEncoder(
        model,
        about.family,
        files=about.files,
        facts=about.facts,
        normalised=about.normalise,
        fingerprint=digest,
        adaptation=adaptation,
        pretrained=pretrained,
        provenance=about.provenance if pretrained else NOTHING,
        gradient_checkpointing=gradient_checkpointing,
    )


def stock_model(about: Description) -> Model:
    """Return the model that the files describe, as its class computes it.

    Raises:
        EncoderError: Its files don't fit together.
    """
    with one_refusal(about.source.name):
        return _load(about, about.source.pretrained, dropout=False, seed=0)


def _stock(about: Description, pretrained: bool, seed: int) -> Model:
    """Return the encoder as it was loaded, before adapters and training."""
    model = _load(about, pretrained, dropout=False, seed=seed)
    about.family.adjust(model)
    return model


def _load(
    about: Description,
    pretrained: bool,
    *,
    dropout: bool,
    seed: int,
    narrow: bool = False,
) -> Model:
    if about.source.code is not None:
        make, _ = about.family.architecture(about.files, dropout=dropout)
        return make(seed)
    if not pretrained:
        return random_model(about, dropout=dropout, seed=seed)
    weights = _weights(about)
    with torch.random.fork_rng(devices=[]):  # reading draws random numbers too
        return read_model(about, weights, dropout=dropout, bottlenecks=narrow)


def _weights(about: Description) -> Path:
    """Return the file of an encoder's weights."""
    source = about.source
    names = (*WEIGHTS, *about.family.weights)
    weights = fetch(source, *names)
    if weights is None:
        if source.folder and any(source.folder.glob("*.index.json")):
            raise EncoderError(
                f"The weights of {source.name} lie in several files: save it again "
                "with a max_shard_size that is larger than all of them."
            )
        raise EncoderError(
            f"{source.name} holds no weights: it needs {' or '.join(names)}."
        )
    if (weights.parent / "adapter_config.json").is_file():
        raise EncoderError(
            f"{source.name} holds an adapter, which transformers would put on another "
            "encoder: merge it into its encoder and save that."
        )
    return weights
