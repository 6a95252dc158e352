"""LAION's CLAP (Wu et al., 2023): its embedding of windows of sound, for distances."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.embedding import EmbeddingFamily
from crossemo.encoders.families.base import (
    EncoderFiles,
    Model,
    Run,
    transformers_model,
)
from crossemo.errors import listed

_AT_ONCE = 32  # windows
_OF_BOTH = ("projection_dim", "projection_hidden_act")  # towers, sound and text
_PADDINGS = ("repeatpad", "repeat", "pad")
_TRUNCATIONS = ("rand_trunc", "fusion")
_RANDOM = ("attention_probs_dropout_prob", "drop_path_rate", "hidden_dropout_prob")


class ClapFamily(EmbeddingFamily):
    """CLAP, its tower of sound with its projection.

    A frame is the embedding of a window, of unit length, as texts are compared with it.
    Windows have the length that the encoder was trained on, 10 s. A shorter clip is
    filled as the encoder's files say, which is by repeating it. A longer one is cut
    into windows end to end, the last of which ends with the clip and so overlaps the
    one before. Nothing is cut out at random, and windows are never fused.
    """

    citation = """
    @inproceedings{wu2023clap,
      author = {Wu, Yusong and Chen, Ke and Zhang, Tianyu and Hui, Yuchen and
                Berg-Kirkpatrick, Taylor and Dubnov, Shlomo},
      title = {Large-Scale Contrastive Language-Audio Pretraining with Feature Fusion
               and Keyword-to-Caption Augmentation},
      booktitle = {International Conference on Acoustics, Speech and Signal Processing},
      year = {2023},
      doi = {10.1109/ICASSP49357.2023.10095969},
    }
    """
    sampling_rate = 48_000
    model_types = ("clap", "clap_audio_model")
    heads = re.compile(r"(text_model|text_projection|logit_scale_[at])(\.|$)")

    def min_samples(self, files: EncoderFiles) -> int:
        """Return the samples of a frame of the spectrogram."""
        return int(files.preprocessor.get("fft_window_size", 1024))

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return transformers' tower of sound, without that of text."""
        if not files.preprocessor:
            raise EncoderError(
                f"{files.name} lacks its preprocessor_config.json, which says how its "
                "spectrograms are made: save or download it beside the weights."
            )
        whole = files.config
        fields = {**whole.get("audio_config", whole), **dict.fromkeys(_RANDOM, 0.0)}
        fields |= {name: whole[name] for name in _OF_BOTH if name in whole}
        config = transformers_model("ClapAudio", files, fields, "eager")[1]
        return partial(_with_front_end, files), config

    def check(self, model: Model, weights: Path) -> None:
        """Compare the places of relative positions with what they are by themselves.

        Raises:
            EncoderError: The file says others.
        """
        for module in model.modules():
            index = getattr(module, "relative_position_index", None)
            if index is not None and not torch.equal(
                index, module.create_relative_position_index()
            ):
                raise EncoderError(
                    f"The relative positions in {weights} aren't those of its "
                    "config.json: save or download the encoder again."
                )

    def count_frames(self, model: Model, lengths: Sequence[int]) -> list[int]:
        """Return the windows of each clip."""
        size = model.front_end.nb_max_samples
        return [-(-length // size) for length in lengths]

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return the embeddings of the windows, `(batch, windows, width)`."""
        front_end = model.front_end
        clips = [row[:length] for row, length in zip(waveforms, lengths, strict=True)]
        windows = torch.stack(
            [window for clip in clips for window in _cut(clip, front_end)]
        )
        parts = torch.split(windows, _AT_ONCE)
        vectors = torch.cat([_embedded(model, part) for part in parts])
        counts = self.count_frames(model, lengths)
        return pad_sequence([*torch.split(vectors, counts)], batch_first=True)

    def width(self, model: Model) -> int:
        """Return the numbers of an embedding."""
        return int(model.config.projection_dim)


def log_mel(windows: Tensor, front_end: Any) -> Tensor:  # noqa: ANN401
    """Return what transformers' `ClapFeatureExtractor` makes of windows.

    Args:
        windows: `(windows, samples)`.
        front_end: The extractor, for its settings.

    Returns:
        `(windows, 1, frames, bins)` float32, in decibels. They are computed in float64
        where the device has it: as nothing limits them from below, quiet bands would
        show the rounding of float32.
    """
    exact = torch.float32 if windows.device.type == "mps" else torch.float64
    fused = front_end.truncation == "fusion"
    bank = front_end.mel_filters if fused else front_end.mel_filters_slaney
    filters = torch.from_numpy(bank).to(windows.device, exact)  # (frequencies, bins)
    size, hop = front_end.fft_window_size, front_end.hop_length
    with torch.autocast(windows.device.type, enabled=False):
        hann = torch.hann_window(size, dtype=exact, device=windows.device)
        spectrum = torch.stft(
            windows.to(exact), size, hop, window=hann, return_complex=True
        )
        mel = spectrum.abs().square().transpose(1, 2) @ filters
        decibels = 10 * mel.clamp(min=1e-10).log10()
    return decibels.float()[:, None]


def _with_front_end(files: EncoderFiles, config: Any) -> Model:  # noqa: ANN401
    from transformers import ClapAudioModelWithProjection, ClapFeatureExtractor

    model = ClapAudioModelWithProjection(config)  # first, in case it is absurdly large
    model.front_end = ClapFeatureExtractor(**files.preprocessor)
    for field, known in (("padding", _PADDINGS), ("truncation", _TRUNCATIONS)):
        if (value := getattr(model.front_end, field)) not in known:
            raise EncoderError(
                f"The preprocessor_config.json of {files.name} says {field}: "
                f"{value!r}, and crossemo knows {listed(known)}: save or download the "
                "encoder again."
            )
    frames = model.front_end.nb_max_samples // model.front_end.hop_length + 1
    most = config.spec_size * (config.spec_size // config.num_mel_bins)
    if not 1 < frames <= most:
        raise EncoderError(
            f"The windows of {files.name} have {frames} frames by its "
            f"preprocessor_config.json, and its config.json takes {most}: the two "
            "files don't belong together."
        )
    return model


def _cut(clip: Tensor, front_end: Any) -> Iterator[Tensor]:  # noqa: ANN401
    """Yield the windows of a clip `(samples,)`."""
    size, length = front_end.nb_max_samples, len(clip)
    for start in range(0, length - size, size):
        yield clip[start : start + size]
    if length >= size:
        yield clip[length - size :]
        return
    times = {"repeatpad": size // length, "repeat": size // length + 1}
    repeated = clip.repeat(times.get(front_end.padding, 1))[:size]
    yield functional.pad(repeated, (0, size - len(repeated)))


def _embedded(model: Model, windows: Tensor) -> Tensor:
    """Return unit vectors `(windows, width)`."""
    mel = log_mel(windows, model.front_end).to(model.dtype)
    # Of longer ones a fused model would hear crops and the whole, shrunk, together.
    longer = torch.zeros(len(mel), 1, dtype=torch.bool, device=mel.device)
    vectors = model(input_features=mel, is_longer=longer).audio_embeds
    return functional.normalize(vectors, dim=-1)


FAMILY = ClapFamily()
