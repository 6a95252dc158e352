"""Descript's audio codec (Kumar et al., 2023): its encoder's latent, for distances."""

import re
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional

from crossemo.encoders.embedding import CodecFamily, hop_of
from crossemo.encoders.families.base import EncoderFiles, Model, transformers_model


class DacFamily(CodecFamily):
    """DAC.

    A frame is what the encoder gives of 512 samples at 44.1 kHz: 1024 numbers, 86 times
    a second, before they are quantised.
    """

    citation = """
    @inproceedings{kumar2023dac,
      author = {Kumar, Rithesh and Seetharaman, Prem and Luebs, Alejandro and
                Kumar, Ishaan and Kumar, Kundan},
      title = {High-Fidelity Audio Compression with Improved {RVQGAN}},
      booktitle = {Advances in Neural Information Processing Systems},
      volume = {36},
      year = {2023},
    }
    """
    heads = re.compile(r"(decoder|quantizer)\.")
    ratios = ("downsampling_ratios", (2, 4, 8, 8))

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return transformers' encoder, without quantiser and decoder."""
        from transformers.models.dac.modeling_dac import DacEncoder

        return DacEncoder, transformers_model("Dac", files, files.config)[1]

    def prepared(self, model: Model, clips: Tensor) -> Tensor:
        """Return clips with silence up to a whole frame, as `DacFeatureExtractor`."""
        return functional.pad(clips, (0, -clips.shape[-1] % hop_of(model)))

    def width(self, model: Model) -> int:
        """Return the numbers of a frame."""
        return int(model.conv2.out_channels)


FAMILY = DacFamily()
