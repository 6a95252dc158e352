"""AST (Gong et al., 2021): patches of log-mel spectrograms of ten seconds."""

import re
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

from torch import Tensor

from crossemo.encoders.families.base import (
    EncoderFiles,
    Model,
    Run,
    transformers_model,
)
from crossemo.encoders.fixed_windows import WindowedFamily, cut
from crossemo.encoders.masking import Lengths, count_windows, valid_mask
from crossemo.encoders.spectrograms import (
    HOP,
    RATE,
    WINDOW,
    count_spectra,
    kaldi_log_mel,
    require,
)

_MEAN, _STD = -4.2677393, 4.5689974  # of AudioSet's spectrograms
_TOKENS = 2  # of a whole window, before those of the patches
_DROPOUT = ("attention_probs_dropout_prob", "hidden_dropout_prob")


class AudioSpectrogramTransformerFamily(WindowedFamily):
    """AST.

    Its blocks read patches of frequency and time. A hidden state here has a frame for
    each step of time, the mean over frequency; the two tokens that stand for a whole
    window are left out. Windows overlap by so much that steps are equally far apart.
    """

    citation = """
    @inproceedings{gong2021ast,
      author = {Gong, Yuan and Chung, Yu-An and Glass, James},
      title = {{AST}: Audio Spectrogram Transformer},
      booktitle = {Interspeech},
      pages = {571--575},
      year = {2021},
    }
    """
    heads = re.compile(r"classifier(\.|$)")
    front_end = ("embeddings.",)
    places = MappingProxyType(
        {
            "query": "q_proj",
            "key": "k_proj",
            "value": "v_proj",
            "feed_forward": "mlp.fc2",
            "norms": r"layers\.\d+\.layernorm_(before|after)",
        }
    )
    bottlenecks = ("attention.o_proj", "mlp.fc2")

    def min_samples(self, files: EncoderFiles) -> int:
        """Return what a patch is made of."""
        patch: int = files.config.get("patch_size", 16)
        return WINDOW + HOP * (patch - 1)

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return transformers' classes."""
        fields = {**files.config, **dict.fromkeys(() if dropout else _DROPOUT, 0.0)}
        model_class, config = transformers_model("AST", files, fields, since="5.9")
        sizes = {"num_mel_bins": config.num_mel_bins, "max_length": config.max_length}
        require(files, sampling_rate=RATE, **sizes)
        numbers = {"mean": _MEAN, "std": _STD, **files.preprocessor}
        if not numbers.get("do_normalize", True):
            numbers |= {"mean": 0.0, "std": 0.5}
        config.spectrogram = {name: float(numbers[name]) for name in ("mean", "std")}
        return model_class, config

    def feature_extractor(self, model: Model, rate: int, normalised: bool) -> Any:  # noqa: ANN401
        """Return the extractor that this front end follows."""
        from transformers import ASTFeatureExtractor

        config = model.config
        sizes = {"num_mel_bins": config.num_mel_bins, "max_length": config.max_length}
        return ASTFeatureExtractor(**sizes, **config.spectrogram)

    def count_frames(self, model: Model, lengths: Lengths) -> Any:  # noqa: ANN401
        """Return the steps whose patches end within each clip."""
        size, step = model.config.patch_size, model.config.time_stride
        return count_windows(count_spectra(lengths), size, step)

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return what the first block reads of each window."""
        config = model.config
        spectrogram = kaldi_log_mel(waveforms, config.num_mel_bins, "hanning")
        counts = count_spectra(lengths)
        inside = valid_mask(counts, spectrogram.shape[1], waveforms.device)
        spectrogram = spectrogram.masked_fill(~inside[:, :, None], 0)
        steps = model.embeddings.get_shape(config)[1]  # of a window
        count = -(-self.count_frames(model, [waveforms.shape[1]])[0] // steps)
        windows = cut(spectrogram, config.max_length, config.time_stride * steps, count)
        mean, std = config.spectrogram["mean"], config.spectrogram["std"]
        normed = ((windows - mean) / (2 * std)).transpose(1, 2)
        embedded: Tensor = model.embeddings(normed.to(model.dtype))
        return embedded

    def frames_of(self, model: Model, tokens: Tensor) -> Tensor:
        """Return the mean over frequency of each step of time."""
        shape = model.embeddings.get_shape(model.config)  # frequency, time
        patches = tokens[:, _TOKENS:].reshape(tokens.shape[0], *shape, -1)
        return patches.mean(1)

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return the norm behind the last block."""
        return ("layernorm.",)


FAMILY = AudioSpectrogramTransformerFamily()
