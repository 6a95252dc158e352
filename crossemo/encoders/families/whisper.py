"""Whisper's encoder (Radford et al., 2023): windows of 30 s as log-mel spectrograms."""

import re
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

from torch import Tensor
from torch.nn import functional

from crossemo.encoders.families.base import (
    EncoderFiles,
    Model,
    Run,
    transformers_model,
)
from crossemo.encoders.fixed_windows import WindowedFamily, cut
from crossemo.encoders.masking import Lengths, count_windows
from crossemo.encoders.spectrograms import HOP, RATE, WINDOW, require, whisper_log_mel

_FRAME = 2 * HOP  # samples of a frame behind the second convolution
_DROPOUT = ("activation_dropout", "attention_dropout", "dropout")


class WhisperFamily(WindowedFamily):
    """Whisper's encoder, without the decoder."""

    citation = """
    @inproceedings{radford2023whisper,
      author = {Radford, Alec and Kim, Jong Wook and Xu, Tao and Brockman, Greg and
                McLeavey, Christine and Sutskever, Ilya},
      title = {Robust Speech Recognition via Large-Scale Weak Supervision},
      booktitle = {International Conference on Machine Learning},
      pages = {28492--28518},
      year = {2023},
    }
    """
    heads = re.compile(r"(decoder|proj_out|projector|classifier|layer_weights)(\.|$)")
    front_end = ("conv1.", "conv2.", "embed_positions.")
    places = MappingProxyType(
        {
            "query": "q_proj",
            "key": "k_proj",
            "value": "v_proj",
            "feed_forward": "fc2",
            "norms": r"layers\.\d+\.(self_attn|final)_layer_norm",
        }
    )
    bottlenecks = ("self_attn.out_proj", "fc2")

    def min_samples(self, files: EncoderFiles) -> int:
        """Return the samples of a frame."""
        return _FRAME

    def tensor_name(self, name: str) -> str:
        """Return the name within the encoder of what may lie in the whole model."""
        return name.removeprefix("model.").removeprefix("encoder.")

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return transformers' encoder."""
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        off = dict.fromkeys(("encoder_layerdrop", *(() if dropout else _DROPOUT)), 0.0)
        _, config = transformers_model("Whisper", files, {**files.config, **off})
        numbers = {"sampling_rate": RATE, "n_fft": WINDOW, "hop_length": HOP}
        numbers["chunk_length"] = config.max_source_positions * _FRAME / RATE
        require(files, feature_size=config.num_mel_bins, dither=0.0, **numbers)
        return WhisperEncoder, config

    def feature_extractor(self, model: Model, rate: int, normalised: bool) -> Any:  # noqa: ANN401
        """Return the extractor that this front end follows."""
        from transformers import WhisperFeatureExtractor

        return WhisperFeatureExtractor(
            feature_size=model.config.num_mel_bins,
            chunk_length=model.config.max_source_positions * _FRAME // RATE,
        )

    def count_frames(self, model: Model, lengths: Lengths) -> Any:  # noqa: ANN401
        """Return the frames that end within each clip."""
        return count_windows(lengths, _FRAME, _FRAME)

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return what the first block reads of each window."""
        positions = model.config.max_source_positions
        count = -(-(waveforms.shape[1] // _FRAME) // positions)
        size = positions * _FRAME
        windows = cut(waveforms, size, size, count)
        mel = whisper_log_mel(windows, model.config.num_mel_bins).to(model.dtype)
        hidden = functional.gelu(model.conv2(functional.gelu(model.conv1(mel))))
        placed = hidden.transpose(1, 2) + model.embed_positions.weight
        return functional.dropout(placed, model.dropout, model.training)

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return the norm behind the last block."""
        return ("layer_norm.",)


FAMILY = WhisperFamily()
