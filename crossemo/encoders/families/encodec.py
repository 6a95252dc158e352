"""EnCodec (Défossez et al., 2022): the latent of its encoder, for distances only."""

import re
from collections.abc import Callable
from typing import Any

from crossemo.encoders.catalogue import EncoderError
from crossemo.encoders.embedding import CodecFamily
from crossemo.encoders.families.base import EncoderFiles, Model, transformers_model

# The two tensors of a weight norm, as old files name them and as torch does since 2.0.
_WEIGHT_NORM = {
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}


class EncodecFamily(CodecFamily):
    """EnCodec of one channel.

    A frame is what the encoder gives of 320 samples at 24 kHz: 128 numbers, 75 times a
    second, before they are quantised.
    """

    citation = """
    @misc{defossez2022encodec,
      author = {D{\\'e}fossez, Alexandre and Copet, Jade and Synnaeve, Gabriel and
                Adi, Yossi},
      title = {High Fidelity Neural Audio Compression},
      year = {2022},
      eprint = {2210.13438},
      archiveprefix = {arXiv},
    }
    """
    sampling_rate = 24_000
    heads = re.compile(r"(decoder|quantizer)\.")
    ratios = ("upsampling_ratios", (8, 5, 4, 2))

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return transformers' encoder, without quantiser and decoder."""
        from transformers.models.encodec.modeling_encodec import EncodecEncoder

        config = transformers_model("Encodec", files, files.config)[1]
        if config.audio_channels != 1 or config.normalize or config.chunk_length_s:
            raise EncoderError(
                f"{files.name} takes {config.audio_channels} channels, in chunks that "
                "it brings to one loudness, and crossemo's clips are mono and whole: "
                "choose facebook/encodec_24khz."
            )
        return EncodecEncoder, config

    def tensor_name(self, name: str) -> str:
        """Return the name within the encoder, with weight norms as torch has them."""
        stem, _, last = super().tensor_name(name).rpartition(".")
        return f"{stem}.{_WEIGHT_NORM.get(last, last)}"

    def width(self, model: Model) -> int:
        """Return the numbers of a frame."""
        return int(model.layers[-1].conv.out_channels)


FAMILY = EncodecFamily()
