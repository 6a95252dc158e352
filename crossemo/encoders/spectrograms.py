"""Log-mel spectrograms that encoders were trained on, made where the waveforms are.

They are in float32, under autocast too: logarithms of small numbers need it. Kaldi's
are computed in float64, as their references are.
"""

import warnings
from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.masking import Lengths, count_windows

RATE = 16_000  # Hz, of all of them
WINDOW, HOP = 400, 160  # samples
_FFT = 512  # samples that Kaldi pads a window to


def count_spectra(lengths: Lengths) -> Any:  # noqa: ANN401
    """Return how many frames Kaldi's spectrograms have of clips of some lengths."""
    return count_windows(lengths, WINDOW, HOP)


def kaldi_log_mel(
    waveforms: Tensor, bins: int, window: Literal["povey", "hanning"]
) -> Tensor:
    """Return spectrograms as Kaldi computes them, for a whole batch.

    A frame is made of samples within it only, so that what follows a clip in its row
    changes none of the clip's own frames.

    Args:
        waveforms: `(batch, samples)` at 16 kHz.
        bins: Mel bands.
        window: Kaldi's name of the window.

    Returns:
        `(batch, frames, bins)`.
    """
    with torch.autocast(waveforms.device.type, enabled=False):
        frames = precise(waveforms).unfold(1, WINDOW, HOP)
        frames = frames - frames.mean(-1, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], -1)
        shape = np.hanning(WINDOW) ** (0.85 if window == "povey" else 1)
        pressed = (frames - 0.97 * before) * torch.from_numpy(shape).to(frames)
        power = torch.fft.rfft(pressed, _FFT).abs().square()
        mel: Tensor = power @ torch.from_numpy(_filters("kaldi", bins)).to(frames)
        return mel.clamp(min=torch.finfo(torch.float32).eps).log().float()


def precise(tensor: Tensor) -> Tensor:
    """Return a tensor in float64, or in float32 where a device has no other."""
    return tensor.float() if tensor.device.type == "mps" else tensor.double()


def whisper_log_mel(waveforms: Tensor, bins: int) -> Tensor:
    """Return what transformers' `WhisperFeatureExtractor` makes of whole windows.

    Args:
        waveforms: `(windows, samples)` at 16 kHz.
        bins: Mel bands.

    Returns:
        `(windows, bins, frames)`.
    """
    with torch.autocast(waveforms.device.type, enabled=False):
        signal = waveforms.float()
        window = torch.hann_window(WINDOW, device=signal.device)
        spectrum = torch.stft(signal, WINDOW, HOP, window=window, return_complex=True)
        power = spectrum[..., :-1].abs().square()
        mel = torch.from_numpy(_filters("slaney", bins).T).to(power) @ power
        logarithm = mel.clamp(min=1e-10).log10()
    loudest = logarithm.amax(dim=(1, 2), keepdim=True)
    return (torch.maximum(logarithm, loudest - 8) + 4) / 4


def require(files: EncoderFiles, **numbers: Any) -> None:  # noqa: ANN401
    """Refuse a preprocessor_config.json that asks for other spectrograms.

    Args:
        files: The small files of an encoder.
        numbers: What its fields must be where they are there.

    Raises:
        EncoderError: One is something else.
    """
    for field, number in numbers.items():
        value = files.preprocessor.get(field, number)
        if value != number:
            raise EncoderError(
                f"The preprocessor_config.json of {files.name} says {field} {value!r}, "
                f"and its encoder takes {number!r}: save or download it again."
            )


@cache
def _filters(scale: Literal["kaldi", "slaney"], bins: int) -> NDArray[np.float64]:
    """Return the mel filters, `(frequencies, bins)`."""
    from transformers.audio_utils import mel_filter_bank

    kaldi = scale == "kaldi"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bands without a frequency, as AST has one
        bank: NDArray[np.float64] = mel_filter_bank(
            num_frequency_bins=1 + (_FFT if kaldi else WINDOW) // 2,
            num_mel_filters=bins,
            min_frequency=20.0 if kaldi else 0.0,
            max_frequency=RATE / 2,
            sampling_rate=RATE,
            norm=None if kaldi else scale,
            mel_scale=scale,
            triangularize_in_mel_space=kaldi,
        )
    return bank
