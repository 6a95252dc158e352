"""w2v-BERT 2.0 (Barrault et al., 2023): conformer blocks on log-mel spectrograms."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from crossemo.encoders.conformer import positions_of
from crossemo.encoders.families.base import EncoderFiles, Family, Model, Run
from crossemo.encoders.families.wav2vec2_conformer import Wav2Vec2ConformerFamily
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


class Wav2Vec2BertFamily(Wav2Vec2ConformerFamily):
    """w2v-BERT 2.0, whose convolutions look back only."""

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
    stem = "Wav2Vec2Bert"
    front_end = ("feature_projection.",)

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
        model_class, config = super().architecture(files, dropout=dropout)
        bins = config.feature_projection_input_dim // _PAIR
        require(files, sampling_rate=RATE, num_mel_bins=bins, stride=_PAIR)
        return model_class, config

    def traits(self, model: Model, files: EncoderFiles) -> list[Any]:
        """Return all fields, as those of positions show in no weight."""
        return Family.traits(self, model, files)

    def adjust(self, model: Model) -> None:
        """Leave the blocks as they are: none hears what stands behind a clip."""

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
        """Return the mask of attention and the positions."""
        return {
            **Family.block_options(self, model, hidden, mask),
            "relative_position_embeddings": positions_of(model.encoder, hidden),
        }

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
    rows: Tensor = normed[:, : pairs * _PAIR]
    return rows.reshape(rows.shape[0], pairs, _PAIR * bins)


FAMILY = Wav2Vec2BertFamily()
