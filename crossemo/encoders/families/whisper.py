"""Whisper's encoder (Radford et al., 2023): windows of 30 s as log-mel spectrograms."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from crossemo.encoders.families.base import (
    EncoderFiles,
    Family,
    Model,
    Run,
    transformers_model,
)
from crossemo.encoders.fixed_windows import cut, joined

_FFT, _HOP = 400, 160  # samples
_FRAME = 2 * _HOP  # samples of a frame behind the second convolution
_DROPOUT = ("activation_dropout", "attention_dropout", "dropout")


class WhisperFamily(Family):
    """Whisper's encoder.

    It was trained on windows of 30 s: what is shorter is padded with silence, which its
    blocks hear as in training, and frames beyond the clip are left out of the states.
    What is longer is cut into windows.
    """

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
        """Return transformers' encoder, without the decoder."""
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        off = dict.fromkeys(() if dropout else _DROPOUT, 0.0)
        fields = {**files.config, **off, "encoder_layerdrop": 0.0}
        fields["apply_spec_augment"] = False
        return WhisperEncoder, transformers_model("Whisper", files, fields)[1]

    def feature_extractor(self, model: Model, rate: int, normalised: bool) -> Any:
        """Return the extractor that this front end follows."""
        from transformers import WhisperFeatureExtractor

        return WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)

    def count_frames(self, model: Model, lengths: Sequence[int]) -> list[int]:
        """Return the frames that begin and end within each clip."""
        return [length // _FRAME for length in lengths]

    def hidden_states(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> list[Tensor]:
        """Return hidden states 0 to the number of blocks, window by window."""
        frames = self.count_frames(model, lengths)
        size = _FRAME * model.config.max_source_positions
        windows, counts = cut(waveforms, [_FRAME * count for count in frames], size)
        hidden = self.embed(model, windows, [size] * len(windows), run)
        states = [joined(hidden, counts, frames)]
        for block in self.blocks(model):
            hidden = run(block, hidden, attention_mask=None)
            states.append(joined(hidden, counts, frames))
        return states

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return what the first block reads of whole windows."""
        mel = log_mel(waveforms, model.config.num_mel_bins).to(model.dtype)
        hidden = functional.gelu(model.conv2(functional.gelu(model.conv1(mel))))
        placed = hidden.transpose(1, 2) + model.embed_positions.weight
        return functional.dropout(placed, model.dropout, model.training)

    def blocks(self, model: Model) -> Sequence[nn.Module]:
        """Return the blocks."""
        layers: Sequence[nn.Module] = model.layers
        return layers

    def width(self, model: Model) -> int:
        """Return the features per frame of the hidden states."""
        return int(model.config.d_model)

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return the norm behind the last block."""
        return ("layer_norm.",)


def log_mel(waveforms: Tensor, bins: int) -> Tensor:
    """Return what transformers' `WhisperFeatureExtractor` makes of windows.

    Args:
        waveforms: `(windows, samples)` at 16 kHz.
        bins: Mel bands.

    Returns:
        `(windows, bins, frames)`.
    """
    with torch.autocast(waveforms.device.type, enabled=False):
        signal = waveforms.float()
        window = torch.hann_window(_FFT, device=signal.device)
        spectrum = torch.stft(signal, _FFT, _HOP, window=window, return_complex=True)
        power = spectrum[..., :-1].abs().square()
        mel = _filters(bins).to(signal.device) @ power
    logarithm = mel.clamp(min=1e-10).log10()
    loudest = logarithm.amax(dim=(1, 2), keepdim=True)
    return (torch.maximum(logarithm, loudest - 8) + 4) / 4


@cache
def _filters(bins: int) -> Tensor:
    """Return the mel filters `(bins, frequencies)`."""
    from transformers.audio_utils import mel_filter_bank

    bank = mel_filter_bank(
        num_frequency_bins=1 + _FFT // 2,
        num_mel_filters=bins,
        min_frequency=0.0,
        max_frequency=8000.0,
        sampling_rate=16_000,
        norm="slaney",
        mel_scale="slaney",
    )
    return torch.from_numpy(bank).float().T.contiguous()


FAMILY = WhisperFamily()
