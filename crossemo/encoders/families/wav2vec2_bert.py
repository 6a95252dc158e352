"""w2v-BERT 2.0 (Barrault et al., 2023): conformer blocks on log-mel spectrograms."""

import re
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from crossemo.encoders.conformer import positions_of
from crossemo.encoders.families.base import (
    EncoderFiles,
    Family,
    Model,
    Run,
    transformers_model,
)
from crossemo.encoders.masking import Lengths, count_windows, valid_mask
from crossemo.encoders.spectrograms import (
    HOP,
    RATE,
    WINDOW,
    count_spectra,
    kaldi_log_mel,
    precise,
    require,
)

_PAIR = 2  # frames of the spectrogram in one of the encoder
_OFF = ("layerdrop", "mask_feature_prob", "mask_time_prob")
_DROPOUT = (
    *("activation_dropout", "attention_dropout", "conformer_conv_dropout"),
    *("feat_proj_dropout", "hidden_dropout"),
)


class Wav2Vec2BertFamily(Family):
    """w2v-BERT 2.0."""

    citation = """
    @misc{barrault2023seamless,
      author = {Barrault, Lo{\\"i}c and Chung, Yu-An and Meglioli, Mariano Coria and
                others},
      title = {Seamless: Multilingual Expressive and Streaming Speech Translation},
      year = {2023},
      eprint = {2312.05187},
      archiveprefix = {arXiv},
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
        return WINDOW + HOP

    def normalises(self, files: EncoderFiles) -> bool:
        """Return False: what is normalised is the spectrogram."""
        return False

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return transformers' classes."""
        off = dict.fromkeys((*_OFF, *(() if dropout else _DROPOUT)), 0.0)
        fields = {**files.config, **off, "apply_spec_augment": False}
        model_class, config = transformers_model(
            "Wav2Vec2Bert",
            files,
            fields,
            since="5.16",  # its masks were others before
        )
        bins = config.feature_projection_input_dim // _PAIR
        require(files, sampling_rate=RATE, num_mel_bins=bins, stride=_PAIR)
        return model_class, config

    def feature_extractor(self, model: Model, rate: int, normalised: bool) -> Any:  # noqa: ANN401
        """Return the extractor that this front end follows."""
        from transformers import SeamlessM4TFeatureExtractor

        bins = model.config.feature_projection_input_dim // _PAIR
        return SeamlessM4TFeatureExtractor(feature_size=bins, num_mel_bins=bins)

    def count_frames(self, model: Model, lengths: Lengths) -> Any:  # noqa: ANN401
        """Return the pairs of frames of the spectrogram."""
        return count_windows(count_spectra(lengths), _PAIR, _PAIR)

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return the projected pairs of frames."""
        bins = model.config.feature_projection_input_dim // _PAIR
        pairs = log_mel_pairs(waveforms, lengths, bins).to(model.dtype)
        embedded: Tensor = model.encoder.dropout(model.feature_projection(pairs)[0])
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


def log_mel_pairs(waveforms: Tensor, lengths: Lengths, bins: int) -> Tensor:
    """Return what transformers' `SeamlessM4TFeatureExtractor` makes of clips.

    Args:
        waveforms: `(batch, samples)` at 16 kHz.
        lengths: Valid samples of each clip.
        bins: Mel bands.

    Returns:
        `(batch, frames, 2 * bins)`: pairs of frames of a spectrogram, each band of
        which is at zero mean and unit variance over the clip.
    """
    # Kaldi's samples are whole numbers of 16 bits.
    spectrogram = precise(kaldi_log_mel(waveforms * 2**15, bins, "povey"))
    counts = torch.as_tensor(count_spectra(lengths), device=waveforms.device)
    outside = ~valid_mask(counts, spectrogram.shape[1], waveforms.device)[:, :, None]
    count = counts[:, None, None]
    mean = spectrogram.masked_fill(outside, 0).sum(1, keepdim=True) / count
    centred = (spectrogram - mean).masked_fill(outside, 0)
    variance = centred.square().sum(1, keepdim=True) / (count - 1)
    normed = (centred / torch.sqrt(variance + 1e-7)).float()
    pairs = spectrogram.shape[1] // _PAIR
    return normed[:, : pairs * _PAIR].unflatten(1, (pairs, _PAIR)).flatten(2)


FAMILY = Wav2Vec2BertFamily()
