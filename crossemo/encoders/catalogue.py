"""The encoders that crossemo knows by name: `catalogue.yaml`, and random ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml

from crossemo.errors import CrossEmoError

FILE = Path(__file__).with_name("catalogue.yaml")
# The seven convolutions through which these families read the waveform.
KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)
RATES = range(1_000, 192_001)  # Hz


class EncoderError(CrossEmoError):
    """An encoder that can't be had; the message says why and what to do."""


class EncoderFacts(NamedTuple):
    """What the data must be like for an encoder.

    Args:
        sampling_rate: Rate of the waveforms that the encoder expects, in Hz.
        min_samples: Samples of the shortest clip that gives a frame.
    """

    sampling_rate: int
    min_samples: int

    def __str__(self) -> str:
        return f"{self.sampling_rate} Hz and clips of {self.min_samples} samples"


@dataclass(frozen=True)
class CatalogueEntry:
    """An encoder by name: weights in a hub repository, or a shape to train from.

    Args:
        family: Kind of encoder: the name of its file in `crossemo.encoders.families`.
        repository: Hub repository of the weights; None for random weights.
        revision: Commit of the repository; None follows its `main`.
        sampling_rate: Rate that the encoder was trained on, in Hz.
        min_samples: Samples of the shortest clip that gives a frame.
        normalise: Whether each clip is brought to zero mean and unit variance for an
            encoder with random weights; the files of others say so.
        config: Shape of an encoder with random weights, as transformers names it.
        licence: The licence of the weights; empty where there are none.
        citation: BibTeX of its paper, where that isn't its family's.
    """

    family: str
    repository: str | None = None
    revision: str | None = None
    sampling_rate: int = 16_000
    min_samples: int = 400
    normalise: bool = True
    config: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    citation: str = ""

    @property
    def facts(self) -> EncoderFacts:
        """Sampling rate and shortest clip."""
        return EncoderFacts(self.sampling_rate, self.min_samples)


def receptive_field(kernels: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Return how many samples the first frame of a stack of convolutions sees.

    >>> receptive_field(KERNELS, STRIDES)
    400
    """
    if len(kernels) != len(strides):
        raise ValueError(f"there are {len(kernels)} kernels and {len(strides)} strides")
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def _random(channels: tuple[int, ...], *, width: int, layers: int) -> CatalogueEntry:
    # Few channels where frames are many: the first convolutions are most of the work.
    # Layer norm in them needs no statistics over a clip, and before each block, rather
    # than behind it, trains sooner from nothing.
    config = {
        "conv_dim": channels,
        "conv_kernel": KERNELS,
        "conv_stride": STRIDES,
        "conv_bias": True,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "hidden_size": width,
        "intermediate_size": 3 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_conv_pos_embeddings": 32,
        "num_conv_pos_embedding_groups": 4,
    }
    # Loudness tells emotions apart; a network without pre-training needs to hear it.
    frozen = MappingProxyType(config)
    return CatalogueEntry("wav2vec2", normalise=False, config=frozen)


def _published() -> dict[str, CatalogueEntry]:
    content = yaml.safe_load(FILE.read_text("utf-8"))
    return {name: CatalogueEntry(**fields) for name, fields in content.items()}


CATALOGUE: Mapping[str, CatalogueEntry] = MappingProxyType(
    {
        **_published(),
        "tiny": _random((16, 16, 32, 32, 32, 32, 32), width=48, layers=3),
        "small": _random((16, 32, 64, 96, 96, 96, 96), width=96, layers=4),
    }
)
