"""MuQ (Zhu et al., 2025) as transformers' conformer, without the code it came with.

Names, shapes and steps are those of the package `muq` 0.1.0. The last hidden state has
passed the norm behind the blocks, as in that package.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.families.base import EncoderFiles, Family, Model, Run
from crossemo.encoders.families.wav2vec2_conformer import Wav2Vec2ConformerFamily
from crossemo.encoders.tensors import read_encoder

_STRIDES = {25: (2, 2), 50: (2, 1)}  # by frames a second
# What follows from the configuration; a file may hold it all the same.
_CONSTANT = re.compile(
    r"preprocessor_melspec_2048\.\w+\.(mel_scale\.fb|spectrogram\.window)$"
    r"|encoder\.embed_positions\.inv_freq$"
)


class MuQFamily(Wav2Vec2ConformerFamily):
    """MuQ.

    Attributes:
        defaults: Fields of config.json where it doesn't say them.
    """

    citation = """
    @misc{zhu2025muq,
      author = {Zhu, Haina and Zhou, Yizhi and Chen, Hangting and Yu, Jianwei and
                Ma, Ziyang and Gu, Rongzhi and Luo, Yi and Tan, Wei and Chen, Xie},
      title = {{MuQ}: Self-Supervised Music Representation Learning with Mel Residual
               Vector Quantization},
      year = {2025},
      eprint = {2501.01108},
      archiveprefix = {arXiv},
    }
    """
    sampling_rate = 24_000
    telltale = "w2v2_config"
    untried = True
    # What predicts the tokens of its training, what makes them, and a positional
    # convolution that is never called; constants are compared in `check`.
    heads = re.compile(
        r"(linear|cls_token|rvq|recon_proj|quantizer_\w+|encoder\.pos_conv_embed)(\.|$)"
        rf"|{_CONSTANT.pattern}"
    )
    front_end = ("conv.conv.",)
    defaults: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "conv_dim": 512,
            "encoder_depth": 12,
            "encoder_dim": 1024,
            "hop_length": 240,
            "label_rate": 25,
            "n_mels": 128,
        }
    )

    def min_samples(self, files: EncoderFiles) -> int:
        """Return what a mirror image at the clip's ends needs."""
        return 1025

    def normalises(self, files: EncoderFiles) -> bool:
        """Return False: its spectrograms are normalised, not its waveforms."""
        return False

    def tensor_name(self, name: str) -> str:
        """Return the name in the model of a tensor, by its name in the file."""
        name = re.sub(r"^(model\.)?conformer\.", "encoder.", name).removeprefix(
            "model."
        )
        return re.sub(r"layers\.\d+\.closing_layer_norm", "layer_norm", name)

    def fields(self, files: EncoderFiles) -> Mapping[str, Any]:
        """Return the configuration of the conformer as transformers'."""
        fields = {**self.defaults, **files.config}
        width, depth = fields["encoder_dim"], fields["encoder_depth"]
        sizes = {"hidden_size": width, "num_hidden_layers": depth}
        return {**fields["w2v2_config"], **sizes}

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return a module of ours around transformers' conformer."""
        from crossemo.encoders.mel_conformer import MelConformer, MelShape

        _, config = super().architecture(files, dropout=dropout)
        fields = {**self.defaults, **files.config}
        bands, rate = fields["n_mels"], fields["label_rate"]
        if rate not in _STRIDES or bands % 4:
            raise EncoderError(
                f"{files.name} makes {rate} frames a second of {bands} bands: crossemo "
                "knows MuQ with 25 or 50, of bands that can be divided by 4."
            )
        stat = fields["stat"]
        mean, deviation = stat["melspec_2048_mean"], stat["melspec_2048_std"]
        of_mel = bands, fields["hop_length"], float(mean), float(deviation)
        shape = MelShape(*of_mel, fields["conv_dim"], _STRIDES[rate])
        return partial(MelConformer, shape=shape), config

    def check(self, model: Model, weights: Path) -> None:
        """Compare windows, filters and frequencies with those that the file may hold.

        Raises:
            EncoderError: The file was made for others.
        """
        constants = model.constants()
        for key, tensor in read_encoder(weights).items():
            if not _CONSTANT.match(self.tensor_name(key)):
                continue
            expected = constants[key.rpartition(".")[2]]
            if tensor.shape != expected.shape or not torch.allclose(
                tensor.float(), expected, atol=1e-5
            ):
                raise EncoderError(
                    f"{key} in {weights} isn't what its config.json makes it: the file "
                    "is another encoder's, so save or download it again."
                )

    def adjust(self, model: Model) -> None:
        """Replace every block by one in which padding has no effect, weights kept."""
        from crossemo.encoders.mel_conformer import LastBlock

        last = model.encoder.layers[-1]
        super().adjust(model)
        model.encoder.layers[-1] = LastBlock(last, model.encoder.layer_norm)
        del model.encoder.layer_norm

    def traits(self, model: Model, files: EncoderFiles) -> list[Any]:
        """Return all of the configuration."""
        return Family.traits(self, model, files)

    def count_frames(self, model: Model, lengths: Sequence[int]) -> list[int]:
        """Return the frames that the convolutions give."""
        counts: list[int] = model.count_frames(lengths)
        return counts

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return the projected frames; positions are the blocks' affair."""
        embedded: Tensor = model.embed(waveforms, lengths, run)
        return embedded

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return nothing: what isn't needed isn't there."""
        return ()


FAMILY = MuQFamily()
