"""What fields of an encoder's small files must be like, whatever its family."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.families.base import EncoderFiles
from crossemo.errors import shortened

_LARGEST = 1_000_000  # a size; the published ones have at most a tenth of it
_DEEPEST = 8  # objects in objects


class _Kind(NamedTuple):
    """Fields of one kind.

    Args:
        names: Their names.
        fits: Whether a value is one of theirs.
        must: What it must be, for messages.
    """

    names: re.Pattern[str]
    fits: Callable[[Any], bool]
    must: str


def _is_size(value: object) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_size, value))
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and value in range(1, _LARGEST + 1)


def _is_within(value: object, least: float, most: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and least <= value <= most  # type: ignore[operator]


# What lays an encoder out, in the words of all families; not what is put above it,
# which may be 0, or None.
_SIZES = """
    hidden_size intermediate_size embed_dim d_model encoder_dim encoder_ffn_dim
    encoder_hidden_size patch_embeds_hidden_size projection_dim
    num_hidden_layers encoder_layers encoder_depth depth depths
    num_attention_heads encoder_attention_heads num_heads
    conv_dim conv_kernel conv_stride num_conv_pos_embeddings
    num_conv_pos_embedding_groups conv_pos_width conv_pos_depth conv_pos_groups
    conv_pos_kernel_size conv_depthwise_kernel_size
    kernel_size last_kernel_size residual_kernel_size num_filters num_residual_layers
    compress dilation_growth_rate downsampling_ratios upsampling_ratios
    num_buckets max_bucket_distance max_source_positions
    feature_projection_input_dim num_mel_bins n_mels n_fft hop_length fft_window_size
    feature_size spec_size window_size patch_size frequency_stride time_stride
    sample_rate sampling_rate label_rate
"""
_KINDS = (
    _Kind(
        re.compile("|".join(_SIZES.split())),
        _is_size,
        f"a whole number from 1 to {_LARGEST}, or a list of them",
    ),
    _Kind(
        re.compile(r"(?!classifier)(\w+_)?(drop|dropout|layerdrop)(_prob|_rate)?"),
        lambda value: _is_within(value, 0, 1),
        "a number from 0 to 1",
    ),
    _Kind(
        re.compile(r"(\w+_)?norm_eps"),
        lambda value: _is_within(float(value), 1e-20, 0.999),  # YAML's 1e-05 is text
        "a number between 0 and 1",
    ),
    _Kind(
        re.compile(r"(melspec_\w+_)?std"),
        lambda value: _is_within(value, 1e-20, 1e20),
        "a number above 0",
    ),
    _Kind(
        re.compile(r"do_\w+"), lambda value: isinstance(value, bool), "true or false"
    ),
)


def refuse_odd_fields(files: EncoderFiles) -> None:
    """Refuse small files with a number that no encoder can have.

    Libraries would refuse most of them too, in words that name no field, and others
    would be taken for something else.

    Raises:
        EncoderError: A field's value is none of its kind.
    """
    contents = {
        "config.json": files.config,
        "preprocessor_config.json": files.preprocessor,
    }
    for file, content in contents.items():
        for name, place, value in _fields(content):
            for kind in _KINDS:
                if kind.names.fullmatch(name) and not _fits(kind, value):
                    raise EncoderError(
                        f"The {file} of {files.name} says {place}: "
                        f"{shortened(repr(value))}, which must be {kind.must}: save or "
                        "download the encoder again."
                    )


def _fits(kind: _Kind, value: object) -> bool:
    try:
        return kind.fits(value)
    except (OverflowError, TypeError, ValueError):
        return False


def _fields(
    content: Mapping[str, Any], place: str = "", depth: int = 0
) -> Iterator[tuple[str, str, Any]]:
    """Yield the name, the place and the value of fields, those of objects in it too."""
    for name, value in content.items():
        inside = f"{place}{name}"
        yield str(name), inside, value
        if isinstance(value, Mapping) and depth < _DEEPEST:
            yield from _fields(value, f"{inside}.", depth + 1)
