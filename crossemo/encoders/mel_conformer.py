"""The model behind MuQ and MusicFM: a mel spectrogram, convolutions, a conformer."""

import math
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torchaudio.functional import melscale_fbanks
from transformers import Wav2Vec2ConformerConfig
from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import (
    Wav2Vec2ConformerEncoder,
    Wav2Vec2ConformerEncoderLayer,
)

from crossemo.encoders.conformer import ConformerBlock
from crossemo.encoders.masking import Lengths, unpadded, valid_mask

if TYPE_CHECKING:
    from crossemo.encoders.families.base import Run

RATE, FFT = 24_000, 2048


class MelShape(NamedTuple):
    """What lies before the conformer.

    Args:
        bands: Mel bands.
        hop: Samples from one frame of the spectrogram to the next.
        mean: What is taken from every number of the spectrogram, in dB.
        deviation: What each is divided by then, in dB.
        channels: Channels of the convolutions.
        strides: How many frames each of the two convolutions makes one of.
    """

    bands: int
    hop: int
    mean: float
    deviation: float
    channels: int
    strides: tuple[int, int]


class MelConformer(nn.Module):
    """MuQ's and MusicFM's encoder, without what it was trained with.

    Args:
        config: Of the conformer.
        shape: Of what lies before it.
    """

    def __init__(self, config: Wav2Vec2ConformerConfig, shape: MelShape) -> None:
        super().__init__()
        self.config, self.shape = config, shape
        self.conv = Subsampling(shape, config.hidden_size)
        self.encoder = Wav2Vec2ConformerEncoder(config)
        del self.encoder.pos_conv_embed  # nothing calls it
        positions = self.encoder.embed_positions
        for name, constant in list(positions.named_buffers()) if positions else ():
            positions.register_buffer(name, constant, persistent=False)

    def constants(self) -> dict[str, Tensor]:
        """Return what the configuration alone says, by the ends of its names."""
        positions = self.encoder.embed_positions
        return {
            "fb": mel_filters(self.shape.bands),
            "window": torch.hann_window(FFT),
            **(dict(positions.named_buffers()) if positions else {}),
        }

    def count_frames(self, lengths: Lengths) -> Any:  # noqa: ANN401
        """Return how many frames clips have: a list of a list, or a tensor."""
        return strided(self._spectra(lengths), math.prod(self.shape.strides))

    def embed(self, waveforms: Tensor, lengths: Lengths, run: "Run") -> Tensor:
        """Return what the first block reads; arguments as `Family.embed` has them."""
        shape, counts = self.shape, self._spectra(lengths)
        mel = (decibels(waveforms, lengths, shape) - shape.mean) / shape.deviation
        hidden = silenced(mel[:, None], counts).to(self.conv.linear.weight.dtype)
        layers: Any = self.conv.conv
        for layer in layers:
            counts = strided(counts, layer.conv1.stride[1])
            hidden = run(layer, hidden, counts=counts)
        frames = hidden.permute(0, 3, 1, 2).flatten(2)
        embedded: Tensor = self.encoder.dropout(self.conv.linear(frames))
        return embedded

    def _spectra(self, lengths: Lengths) -> Any:  # noqa: ANN401
        """Return how many frames the spectrograms of clips have."""
        if isinstance(lengths, Tensor):
            return lengths // self.shape.hop
        return [length // self.shape.hop for length in lengths]


class Subsampling(nn.Module):
    """Convolutions over bands and time, and a projection.

    Their batch norms keep the statistics of pre-training.

    Args:
        shape: Shape of the convolutions.
        width: Features of a frame of the conformer.
    """

    def __init__(self, shape: MelShape, width: int) -> None:
        super().__init__()
        layers = [
            ResidualConvolution(channels, shape.channels, stride)
            for channels, stride in zip((1, shape.channels), shape.strides, strict=True)
        ]
        self.conv = nn.ModuleList(layers)
        self.linear = nn.Linear(shape.channels * (shape.bands // 4), width)

    def train(self, mode: bool = True) -> "Subsampling":
        """Set training mode, the batch norms excepted."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


class ResidualConvolution(nn.Module):
    """Two convolutions, and a third around them, that read zeros beyond a clip.

    Args:
        inputs: Channels of what it reads.
        outputs: Channels of what it gives.
        stride: Frames of which it makes one; it makes one band of two.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, (2, stride), padding=1)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv3 = nn.Conv2d(inputs, outputs, 3, (2, stride), padding=1)
        self.bn3 = nn.BatchNorm2d(outputs)

    def forward(self, hidden: Tensor, counts: Lengths) -> Tensor:
        """Return what the next layer reads.

        Args:
            hidden: `(batch, channels, bands, frames)`, zero on padding.
            counts: Frames of each clip that come out.
        """
        inner = silenced(relu(self.bn1(self.conv1(hidden))), counts)
        both = self.bn3(self.conv3(hidden)) + self.bn2(self.conv2(inner))
        return silenced(relu(both), counts)


class LastBlock(ConformerBlock):
    """The uppermost block, with the norm that follows it in these encoders.

    Args:
        stock: The block to replace.
        norm: The norm.
    """

    def __init__(self, stock: Wav2Vec2ConformerEncoderLayer, norm: nn.Module) -> None:
        super().__init__(stock)
        self.closing_layer_norm = norm

    def forward(self, *arguments: Any, **options: Any) -> Tensor:  # noqa: ANN401
        """Return the last hidden state; arguments as any block's."""
        normed: Tensor = self.closing_layer_norm(super().forward(*arguments, **options))
        return normed


def silenced(hidden: Tensor, counts: Lengths) -> Tensor:
    """Return `(batch, channels, bands, frames)` with zeros outside the clips."""
    frames = hidden.shape[-1]
    if unpadded(counts, frames):
        return hidden
    inside = valid_mask(counts, frames, hidden.device)[:, None, None]
    return hidden.masked_fill(~inside, 0)


def strided(counts: Lengths, stride: int) -> Any:  # noqa: ANN401
    """Return how many frames a stride leaves of clips: a list of a list, or a tensor.

    >>> strided([5, 4], 2)
    [3, 2]
    """
    if isinstance(counts, Tensor):
        return (counts + stride - 1) // stride
    return [-(-count // stride) for count in counts]


def decibels(waveforms: Tensor, lengths: Lengths, shape: MelShape) -> Tensor:
    """Return the mel spectrogram that torchaudio makes of each clip alone, in dB.

    Args:
        waveforms: `(batch, samples)` at 24 kHz.
        lengths: Valid samples of each clip.
        shape: Bands and hop.

    Returns:
        `(batch, bands, samples // hop)` float32; beyond a clip's own frames anything.
    """
    with torch.autocast(waveforms.device.type, enabled=False):
        signal = mirrored(waveforms.float(), lengths, FFT // 2)
        window = torch.hann_window(FFT, device=signal.device)
        spectrum = torch.stft(
            signal, FFT, shape.hop, window=window, center=False, return_complex=True
        )
        power = spectrum[..., :-1].abs().square()
        mel = mel_filters(shape.bands).to(signal.device).T @ power
    return 10 * mel.clamp(min=1e-10).log10()


def mirrored(waveforms: Tensor, lengths: Lengths, margin: int) -> Tensor:
    """Continue each clip by its mirror image at both of its ends.

    Args:
        waveforms: `(batch, samples)`.
        lengths: Valid samples of each clip, more than the margin.
        margin: Samples to be added at each end.

    Returns:
        `(batch, samples + 2 * margin)`, anything behind a clip's own margin.

    >>> mirrored(torch.tensor([[1, 2, 3, 0]]), [3], 2)
    tensor([[3, 2, 1, 2, 3, 2, 1, 1]])
    """
    device = waveforms.device
    last = torch.as_tensor(lengths, device=device)[:, None] - 1
    places = torch.arange(-margin, waveforms.shape[1] + margin, device=device).abs()
    return waveforms.gather(1, (last - (last - places).abs()).clamp(min=0))


@cache
def mel_filters(bands: int) -> Tensor:
    """Return torchaudio's triangular filters, `(frequencies, bands)`."""
    filters: Tensor = melscale_fbanks(FFT // 2 + 1, 0.0, RATE / 2, bands, RATE)
    return filters
