"""Weights from files or from a seed, refusing what would fit only in part.

No code of a repository is run, and weights are read as tensors only.
"""

import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from crossemo.encoders.catalogue import EncoderError

if TYPE_CHECKING:
    from crossemo.encoders.description import Description
    from crossemo.encoders.families.base import Model

_UNREADABLE = (
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    SafetensorError,
    ValueError,
    pickle.UnpicklingError,
)


def read_model(about: "Description", weights: Path, *, dropout: bool) -> "Model":
    """Read a pretrained model in float32.

    Args:
        about: What the small files say.
        weights: The file of the weights.
        dropout: Whether the model's own dropout is on in training mode.

    Raises:
        EncoderError: The weights are broken or another model's.
    """
    family, files = about.family, about.files
    model_class, config = family.architecture(files, dropout=dropout)
    stock = hasattr(model_class, "from_pretrained")
    read = _read_with_transformers if stock else _read_tensor_by_tensor
    try:
        model, report = read(model_class, config, weights)
    except _UNREADABLE as error:
        raise EncoderError(f"Can't read the weights in {weights}: {error}") from error
    _refuse_other_weights(about, report)
    family.check(model, weights)
    return model


def random_model(about: "Description", *, dropout: bool, seed: int) -> "Model":
    """Make a model with random weights, the same for the same seed.

    Args:
        about: Its family and configuration.
        dropout: Whether the model's own dropout is on in training mode.
        seed: Seed of the weights.
    """
    model_class, config = about.family.architecture(about.files, dropout=dropout)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return model_class(config)


def fingerprint(model: "Model", about: "Description", seed: int | None) -> str:
    """Return a digest (BLAKE2b, 128 bits, hex) of what gives the hidden states.

    Args:
        model: The model as loaded.
        about: What its files say.
        seed: Seed of random weights; None hashes the weights.
    """
    family = about.family
    digest = blake2b(digest_size=16)
    shape = family.traits(model, about.files)
    traits = [family.name, shape, about.facts, about.normalise, seed]
    digest.update(json.dumps(traits, sort_keys=True).encode())
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(f"{key} {tuple(tensor.shape)}".encode())
        if seed is None:
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a file of safetensors, or of torch with plain tensors in it."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        stored: dict[str, Tensor] = load_file(path)
    else:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    return stored


def _read_with_transformers(
    model_class: Any,  # noqa: ANN401
    config: object,
    weights: Path,
) -> tuple["Model", Mapping[str, Any]]:
    with _quiet():  # the report is judged by the caller
        model, report = model_class.from_pretrained(
            weights.parent,
            config=config,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            local_files_only=True,
            output_loading_info=True,
        )
    return model, report


def _read_tensor_by_tensor(
    model_class: "Callable[[Any], Model]", config: object, weights: Path
) -> tuple["Model", Mapping[str, Any]]:
    model, stored = model_class(config).float(), read_tensors(weights)
    shapes = {key: tensor.shape for key, tensor in model.state_dict().items()}
    shared = shapes.keys() & stored.keys()
    mismatches = {key for key in shared if stored[key].shape != shapes[key]}
    fitting = {key: stored[key] for key in shared - mismatches}
    model.load_state_dict(fitting, strict=False)
    return model, {
        "missing_keys": shapes.keys() - shared,
        "unexpected_keys": stored.keys() - shared,
        "mismatched_keys": [(key,) for key in mismatches],
    }


def _refuse_other_weights(about: "Description", report: Mapping[str, Any]) -> None:
    heads = about.family.heads
    unexpected = [key for key in report["unexpected_keys"] if not heads.match(key)]
    mismatched = [key for key, *_ in report["mismatched_keys"]]
    differences = {
        "lacks": sorted(report["missing_keys"]),
        "has besides": sorted(unexpected),
        "has in another shape": sorted(mismatched),
    }
    complaints = [
        f"{verb} {keys[0]}" + (f" and {len(keys) - 1} more" if keys[1:] else "")
        for verb, keys in differences.items()
        if keys
    ]
    if complaints:
        raise EncoderError(
            f"The weights of {about.files.name} aren't those of a {about.family.name} "
            "encoder as its config.json describes it: the file "
            f"{', '.join(complaints)}."
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
