"""Wav2Vec2-Conformer (Wang et al., 2020): wav2vec 2.0 with convolutions in blocks."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from crossemo.encoders.conformer import ConformerBlock, positions_of
from crossemo.encoders.families.base import EncoderFiles, Model, Run
from crossemo.encoders.families.wav2vec2 import Wav2Vec2Family
from crossemo.encoders.masking import convolve, valid_mask


class Wav2Vec2ConformerFamily(Wav2Vec2Family):
    """Wav2Vec2-Conformer, with rotary or relative positions."""

    citation = """
    @inproceedings{wang2020fairseqs2t,
      author = {Wang, Changhan and Tang, Yun and Ma, Xutai and Wu, Anne and
                Okhonko, Dmytro and Pino, Juan},
      title = {fairseq {S2T}: Fast Speech-to-Text Modeling with fairseq},
      booktitle = {Conference of the Asia-Pacific Chapter of the Association for
                   Computational Linguistics: System Demonstrations},
      pages = {33--39},
      year = {2020},
    }
    """
    stem = "Wav2Vec2Conformer"
    since = "5.16"  # before, its attention took other masks
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

    def traits(self, model: Model, files: EncoderFiles) -> list[Any]:
        """Return the fields that show in no weight."""
        config = model.config
        positions = [config.position_embeddings_type, config.rotary_embedding_base]
        return [*super().traits(model, files), *positions]

    def adjust(self, model: Model) -> None:
        """Replace every block by one in which padding has no effect, weights kept."""
        model.encoder.layers = nn.ModuleList(map(ConformerBlock, model.encoder.layers))

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return the projected frames; positions are the blocks' affair."""
        signal = waveforms.to(model.dtype)
        layers = model.feature_extractor.conv_layers
        features, counts = convolve(layers, signal, lengths, run)
        inside = valid_mask(counts, features.shape[1], features.device)[:, :, None]
        projected = self.project(model, features).masked_fill(~inside, 0)
        embedded: Tensor = model.encoder.dropout(projected)
        return embedded

    def block_options(
        self, model: Model, hidden: Tensor, mask: Tensor | None
    ) -> dict[str, Any]:
        """Return the masks of attention and convolution, and the positions."""
        return {
            **super().block_options(model, hidden, mask),
            "relative_position_embeddings": positions_of(model.encoder, hidden),
            "padding": None if mask is None else ~mask[:, :, None],
        }

    def unreached(self, model: Model) -> tuple[str, ...]:
        """Return the norm behind the last state and positions that nothing reads."""
        return ("encoder.layer_norm.", "encoder.pos_conv_embed.", "adapter.")


FAMILY = Wav2Vec2ConformerFamily()
