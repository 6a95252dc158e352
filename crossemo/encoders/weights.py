"""Models with weights from files or from a seed, refusing what fits only in part.

No code of a repository is run.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from crossemo.encoders.building import no_larger_than
from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.sources import WEIGHTS
from crossemo.encoders.tensors import read_encoder, read_tensors
from crossemo.errors import listed

if TYPE_CHECKING:
    from crossemo.encoders.description import Description
    from crossemo.encoders.families.base import Model, Step

LARGEST = 3_000_000_000  # numbers of random weights; the largest published have two
MOST_FRAMES = 2_000  # of a second; these families make 10 to 75
_NO_HEADS = re.compile("(?!)")  # matches nothing


def read_model(
    about: "Description", weights: Path, *, dropout: bool, bottlenecks: bool = False
) -> "Model":
    """Read a pretrained model in float32.

    Args:
        about: What the small files say.
        weights: The file of the weights.
        dropout: Whether the model's own dropout is on in training mode.
        bottlenecks: Whether the file may hold bottleneck adapters, which are left out.

    Raises:
        EncoderError: The weights are broken or another model's.
    """
    family, files = about.family, about.files
    model_class, config = family.architecture(files, dropout=dropout)
    stored = _by_name(about, weights)
    if bottlenecks:
        narrow = read_bottlenecks(about, weights)
        stored = {key: stored[key] for key in stored.keys() - narrow.keys()}
    what = f"a {family.name} encoder"
    named = files.name, what, family.heads
    model = _filled(model_class, config, stored, weights, *named)
    family.check(model, weights)
    return model


def read_bottlenecks(about: "Description", weights: Path) -> dict[str, Tensor]:
    """Return the bottleneck adapters in a file of weights, by the encoder's names.

    Raises:
        EncoderError: The file is damaged.
    """
    stored = _by_name(about, weights)
    places = [f".{place}.adapter." for place in about.family.bottlenecks]
    return {k: t for k, t in stored.items() if any(place in k for place in places)}


def _by_name(about: "Description", weights: Path) -> dict[str, Tensor]:
    """Return an encoder's weights by their names in its model.

    Raises:
        EncoderError: The file is damaged, or holds two tensors of one name.
    """
    tensors: dict[str, Tensor] = {}
    for key, tensor in read_encoder(weights).items():
        name = about.family.tensor_name(key)
        if name in tensors:
            raise EncoderError(
                f"{weights} holds {name} twice, once as {key}: save or download the "
                "encoder again."
            )
        tensors[name] = tensor
    return tensors


def read_published(
    model_class: Any,  # noqa: ANN401
    config: object,
    weights: Path,
    name: str,
) -> "Model":
    """Read a model of transformers, its head included, whole and in float32.

    Args:
        model_class: Class of the model.
        config: Its configuration.
        weights: The file of the weights.
        name: What the model is called, for messages.

    Raises:
        EncoderError: The weights are broken or another model's, or lack some.
    """
    named = name, f"a {model_class.__name__}", _NO_HEADS
    stored = read_tensors(weights)
    return _filled(model_class, config, stored, weights, *named).eval()


def random_model(about: "Description", *, dropout: bool, seed: int) -> "Model":
    """Make a model with random weights, the same for the same seed.

    Args:
        about: Its family and configuration.
        dropout: Whether the model's own dropout is on in training mode.
        seed: Seed of the weights.
    """
    model_class, config = about.family.architecture(about.files, dropout=dropout)
    folder = about.source.folder
    files = [folder / name for name in WEIGHTS] if folder else []
    sizes = [path.stat().st_size for path in files if path.is_file()]
    limit = no_larger_than(max(sizes, default=LARGEST), about.files.name)
    with torch.random.fork_rng(devices=[]), limit:
        torch.default_generator.manual_seed(seed)
        return model_class(config)


def try_out(model: "Model", about: "Description") -> None:
    """Have a model hear an eighth of a second, so that no run ends because of it.

    Raises:
        EncoderError: It gives too many frames, others than it counts, or some that
            aren't finite.
    """
    family, rate, name = about.family, about.facts.sampling_rate, about.files.name
    frames = family.count_frames(model, [rate])[0]
    if frames > MOST_FRAMES:
        raise EncoderError(
            f"{name} makes {frames} frames of a second, and more than {MOST_FRAMES} "
            "fit into no memory: the strides in its config.json aren't its own."
        )
    samples = max(rate // 8, about.facts.min_samples)
    noise = torch.randn(1, samples, generator=torch.Generator().manual_seed(0))
    training = model.training
    model.eval()
    with torch.no_grad():
        states = family.hidden_states(model, noise, [samples], _plainly)
        count = family.count_frames(model, [samples])[0]
    model.train(training)
    if count != states[0].shape[1]:
        raise EncoderError(
            f"{name} makes {states[0].shape[1]} frames of {samples} samples and counts "
            f"{count}, so that padding would be heard: mend its count_frames."
        )
    if not all(state.isfinite().all() for state in states):
        raise EncoderError(
            f"{name} makes numbers that aren't finite of plain noise: its files are "
            "damaged, so save or download the encoder again."
        )


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
    for key, tensor in sorted(family.tensors(model), key=itemgetter(0)):
        digest.update(f"{key} {tuple(tensor.shape)}".encode())
        if seed is None:
            digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def build_with_transformers(
    model_class: Any,  # noqa: ANN401
    config: object,
    stored: Mapping[str, Tensor],
) -> tuple["Model", Mapping[str, Any]]:
    """Return a model of transformers with weights, and its report of what didn't fit.

    Args:
        model_class: The class.
        config: Its configuration.
        stored: The weights by the class's names.
    """
    with quiet():  # the report is judged by the caller
        # By itself it would look for further files in the folder and follow an index.
        model, report = model_class.from_pretrained(
            None,
            config=config,
            state_dict=dict(stored),
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    return model, report


def _build_tensor_by_tensor(
    model_class: "Callable[[Any], Model]", config: object, stored: Mapping[str, Tensor]
) -> tuple["Model", Mapping[str, Any]]:
    model = model_class(config).float()
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


def _filled(
    model_class: Any,  # noqa: ANN401
    config: object,
    stored: Mapping[str, Tensor],
    weights: Path,
    name: str,
    what: str,
    heads: re.Pattern[str],
) -> "Model":
    """Return a model with all of some weights, and no others.

    Args:
        model_class: Class of the model.
        config: Its configuration.
        stored: The weights.
        weights: The file that they were read from.
        name: Name of the model, for messages.
        what: What it is, for messages.
        heads: What else may stand in the file.

    Raises:
        EncoderError: They are not the model's.
    """
    stock = hasattr(model_class, "from_pretrained")
    build = build_with_transformers if stock else _build_tensor_by_tensor
    with no_larger_than(weights.stat().st_size, name):
        model, report = build(model_class, config, stored)
    if stock:  # adapters name it as what they belong to
        model.name_or_path = model.config.name_or_path = str(weights.parent)
    _refuse_other_weights(report, name, what, heads)
    _refuse_other_numbers(model, stored, heads, weights)
    return model


def _refuse_other_weights(
    report: Mapping[str, Any], name: str, what: str, heads: re.Pattern[str]
) -> None:
    unexpected = [key for key in report["unexpected_keys"] if not heads.match(key)]
    mismatched = [key for key, *_ in report["mismatched_keys"]]
    differences = {
        "lacks": sorted(report["missing_keys"]),
        "has besides": sorted(unexpected),
        "has in another shape": sorted(mismatched),
    }
    complaints = [
        f"{verb} {listed(keys, most=1)}" for verb, keys in differences.items() if keys
    ]
    if complaints:
        raise EncoderError(
            f"The weights of {name} aren't those of {what} as its config.json "
            f"describes it: the file {', '.join(complaints)}."
        )


def _refuse_other_numbers(
    model: "Model", stored: Mapping[str, Tensor], heads: re.Pattern[str], weights: Path
) -> None:
    """Refuse weights that aren't finite, and whole numbers in the place of others."""
    loaded = model.state_dict()
    prefix = f"{getattr(model, 'base_model_prefix', '')}."  # in files with a head
    for key, tensor in stored.items():
        name = key.removeprefix(prefix)
        counts = name in loaded and not loaded[name].is_floating_point()
        if not (tensor.is_floating_point() or counts or heads.match(key)):
            raise EncoderError(
                f"{key} in {weights} is of {tensor.dtype}, which no weight is: save or "
                "download the encoder again."
            )
    for key, tensor in loaded.items():
        # An extreme is NaN if any number is, and needs no room.
        if tensor.numel() and not torch.stack(tensor.aminmax()).isfinite().all():
            raise EncoderError(
                f"{key} in {weights} holds numbers that aren't finite: save or "
                "download the encoder again."
            )


def _plainly(step: "Step", hidden: Tensor, **options: Any) -> Tensor:  # noqa: ANN401
    output = step(hidden, **options)
    return output[0] if isinstance(output, tuple) else output


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what transformers reports and its bars."""
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
