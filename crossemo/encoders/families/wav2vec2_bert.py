"""w2v-BERT 2.0 (Barrault et al., 2023): conformer blocks on log-mel spectrograms."""

import re
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from crossemo.encoders.conformer import positions_of
from crossemo.encoders.families.base import (
    EncoderFiles,
    Family,
    Model,
    Run,
    transformers_model,
)
from crossemo.encoders.masking import valid_mask

_WINDOW, _HOP = 400, 160  # samples
_PAIR = 2  # frames of the spectrogram in one of the encoder
_OFF = ("layerdrop", "mask_feature_prob", "mask_time_prob")
_DROPOUT = (
    *("activation_dropout", "attention_dropout", "conformer_conv_dropout"),
    *("feat_proj_dropout", "hidden_dropout"),
)


class Wav2Vec2BertFamily(Family):
    """w2v-BERT 2.0."""

    citation = """
    @article{barrault2023seamless,
      author = {Barrault, Lo{\\"i}c and Chung, Yu-An and Meglioli, Mariano Coria and
                others},
      title = {Seamless: Multilingual Expressive and Streaming Speech Translation},
      journal = {arXiv preprint arXiv:2312.05187},
      year = {2023},
    }
    """
    heads = re.compile(
        r"(lm_head|projector|classifier|layer_weights)(\.|$)|(.*\.)?masked_spec_embed$"
    )
    front_end = ("feature_projection.",)
    places = MappingProxyType(
        {
            "query": "linear_q",
            "key": "linear_k",
            "value": "linear_v",
            "feed_forward": "ffn2.output_dense",
            "norms": r"encoder\.layers\.\d+\.\w*_layer_norm",
        }
    )
    bottlenecks = ("self_attn.linear_out", "ffn2.output_dense")

    def min_samples(self, files: EncoderFiles) -> int:
        """Return what two frames of the spectrogram are made of."""
        return _WINDOW + _HOP

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return transformers' classes."""
        off = dict.fromkeys((*_OFF, *(() if dropout else _DROPOUT)), 0.0)
        fields = {**files.config, **off, "apply_spec_augment": False}
        return transformers_model("Wav2Vec2Bert", files, fields)

    def feature_extractor(self, model: Model, rate: int, normalised: bool) -> Any:
        """Return the extractor that this front end follows."""
        from transformers import SeamlessM4TFeatureExtractor

        bins = model.config.feature_projection_input_dim // _PAIR
        return SeamlessM4TFeatureExtractor(feature_size=bins, num_mel_bins=bins)

    def count_frames(self, model: Model, lengths: Sequence[int]) -> list[int]:
        """Return the pairs of frames of the spectrogram."""
        return [((length - _WINDOW) // _HOP + 1) // _PAIR for length in lengths]

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return the projected pairs of frames."""
        bins = model.config.feature_projection_input_dim // _PAIR
        clips = zip(waveforms, lengths, strict=True)
        features = pad_sequence(
            [log_mel(row[:length], bins) for row, length in clips], batch_first=True
        )
        projected = model.feature_projection(features.to(model.dtype))[0]
        counts = self.count_frames(model, lengths)
        inside = valid_mask(counts, projected.shape[1], projected.device)
        hidden = projected.masked_fill(~inside[:, :, None], 0)
        embedded: Tensor = model.encoder.dropout(hidden)
        return embedded

    def block_options(
        self, model: Model, hidden: Tensor, mask: Tensor | None
    ) -> dict[str, Any]:
        """Return the mask of attention and the positions.

        The convolutions look back only, so that what stands beyond a clip is not seen.
        """
        return {
            **super().block_options(model, hidden, mask),
            "relative_position_embeddings": positions_of(model.encoder, hidden),
        }

    def blocks(self, model: Model) -> Sequence[nn.Module]:
        """Return the blocks."""
        layers: Sequence[nn.Module] = model.encoder.layers
        return layers

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return what follows the last block in some checkpoints."""
        return ("intermediate_ffn.", "adapter.")


def log_mel(waveform: Tensor, bins: int) -> Tensor:
    """Return what transformers' `SeamlessM4TFeatureExtractor` makes of a clip.

    Args:
        waveform: `(samples,)` float32 at 16 kHz.
        bins: Mel bands.

    Returns:
        `(frames, 2 * bins)`: pairs of frames of a log-mel spectrogram as Kaldi computes
        it, each band at zero mean and unit variance over the clip.
    """
    from torchaudio.compliance.kaldi import fbank  # takes a while

    with torch.autocast(waveform.device.type, enabled=False):
        spectrogram = fbank(
            waveform[None] * 2**15,  # Kaldi's are whole numbers of 16 bits
            num_mel_bins=bins,
            window_type="povey",
            sample_frequency=16_000,
        )
    variance, mean = torch.var_mean(spectrogram, dim=0)
    normed = (spectrogram - mean) / torch.sqrt(variance + 1e-7)
    pairs = len(normed) // _PAIR
    return normed[: pairs * _PAIR].reshape(pairs, _PAIR * bins)


FAMILY = Wav2Vec2BertFamily()
