"""The encoders that crossemo knows by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from crossemo.errors import CrossEmoError

# The seven convolutions through which these families read the waveform.
KERNELS = (10, 3, 3, 3, 3, 2, 2)
STRIDES = (5, 2, 2, 2, 2, 2, 2)


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
    """

    family: str
    repository: str | None = None
    revision: str | None = None
    sampling_rate: int = 16_000
    min_samples: int = 400
    normalise: bool = True
    config: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""

    @property
    def facts(self) -> EncoderFacts:
        """Sampling rate and shortest clip."""
        return EncoderFacts(self.sampling_rate, self.min_samples)


def receptive_field(kernels: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Return how many samples the first frame of a stack of convolutions sees.

    >>> receptive_field(KERNELS, STRIDES)
    400
    """
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


def _clap(name: str, revision: str) -> CatalogueEntry:
    repository = f"laion/{name}"
    facts = 48_000, 1024
    return CatalogueEntry("clap", repository, revision, *facts, licence=_APACHE)


# Each commit was found written beside its repository's name in public code: mteb's
# list of audio models (2025) for wav2vec 2.0, HuBERT base and WavLM, several projects
# that keep a snapshot of it for HuBERT large and MERT. None was looked up on the hub
# itself. For data2vec no commit was found, so its two entries follow `main`.
# CLAP's and EnCodec's stand in mteb's list and elsewhere, DAC's in one project's.
# Licences are those of the repositories' cards, as copies of the hub's pages quote
# them. WavLM's cards name the LICENSE of microsoft/UniSpeech, which others quote.
_APACHE, _NON_COMMERCIAL = "Apache 2.0", "CC BY-NC 4.0"
_WAVLM = "that of microsoft/UniSpeech, quoted as CC BY-SA 3.0"
CATALOGUE: Mapping[str, CatalogueEntry] = MappingProxyType(
    {
        "wav2vec2-base": CatalogueEntry(
            "wav2vec2",
            "facebook/wav2vec2-base",
            "0b5b8e868dd84f03fd87d01f9c4ff0f080fecfe8",
            licence=_APACHE,
        ),
        "wav2vec2-large": CatalogueEntry(
            "wav2vec2",
            "facebook/wav2vec2-large",
            "312b2410566b698c7a649068d413b2067848bd75",
            licence=_APACHE,
        ),
        "hubert-base": CatalogueEntry(
            "hubert",
            "facebook/hubert-base-ls960",
            "dba3bb02fda4248b6e082697eee756de8fe8aa8a",
            licence=_APACHE,
        ),
        "hubert-large": CatalogueEntry(
            "hubert",
            "facebook/hubert-large-ll60k",
            "ff022d095678a2995f3c49bab18a96a9e553f782",
            licence=_APACHE,
        ),
        "wavlm-base": CatalogueEntry(
            "wavlm",
            "microsoft/wavlm-base",
            "efa81aae7ff777e464159e0f877d54eac5b84f81",
            licence=_WAVLM,
        ),
        "wavlm-base-plus": CatalogueEntry(
            "wavlm",
            "microsoft/wavlm-base-plus",
            "4c66d4806a428f2e922ccfa1a962776e232d487b",
            licence=_WAVLM,
        ),
        "wavlm-large": CatalogueEntry(
            "wavlm",
            "microsoft/wavlm-large",
            "c1423ed94bb01d80a3f5ce5bc39f6026a0f4828c",
            licence=_WAVLM,
        ),
        "data2vec-audio-base": CatalogueEntry(
            "data2vec-audio",
            "facebook/data2vec-audio-base",
            licence=_APACHE,
        ),
        "data2vec-audio-large": CatalogueEntry(
            "data2vec-audio",
            "facebook/data2vec-audio-large",
            licence=_APACHE,
        ),
        "mert-95m": CatalogueEntry(
            "mert",
            "m-a-p/MERT-v1-95M",
            "12af15fef9d0ac838c3f475bfbbf26d2060dd4f5",
            sampling_rate=24_000,
            licence=_NON_COMMERCIAL,
        ),
        "mert-330m": CatalogueEntry(
            "mert",
            "m-a-p/MERT-v1-330M",
            "5240c2708a5acaee1007f43fb9735c7dcd0b78c9",
            sampling_rate=24_000,
            licence=_NON_COMMERCIAL,
        ),
        # For distances only
        "clap-htsat-unfused": _clap(
            "clap-htsat-unfused", "8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a"
        ),
        "clap-htsat-fused": _clap(
            "clap-htsat-fused", "cca9e288ab447cee67d9ada1f85ddb46500f1401"
        ),
        "clap-music": _clap(
            "larger_clap_music", "a0b4534a14f58e20944452dff00a22a06ce629d1"
        ),
        "clap-music-speech": _clap(
            "larger_clap_music_and_speech", "195c3a3e68faebb3e2088b9a79e79b43ddbda76b"
        ),
        "encodec-24khz": CatalogueEntry(
            "encodec",
            "facebook/encodec_24khz",
            "c1dbe2ae3f1de713481a3b3e7c47f357092ee040",
            sampling_rate=24_000,
            min_samples=320,
            licence="none on its card; others quote MIT and CC BY-NC 4.0",
        ),
        "dac-44khz": CatalogueEntry(
            "dac",
            "descript/dac_44khz",
            "c1bc521685adf9cfe247bc39a5ca58917eda1ac4",
            sampling_rate=44_100,
            min_samples=512,
            licence="MIT",
        ),
        "tiny": _random((16, 16, 32, 32, 32, 32, 32), width=48, layers=3),
        "small": _random((16, 32, 64, 96, 96, 96, 96), width=96, layers=4),
    }
)
