"""Conformer blocks of transformers in which a clip doesn't hear its padding."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import (
        Wav2Vec2ConformerEncoderLayer,
    )


class ConformerBlock(nn.Module):
    """A conformer block (Gulati et al., 2020) whose convolution sees clips alone.

    transformers' own lets the convolution read what stands beyond a clip, and its batch
    norm learns from whole batches. This one reads zeros there, and keeps the statistics
    of pre-training. It takes over the modules of the block that it replaces, under the
    same names, and gives the same output for a clip without padding.

    Args:
        stock: The block to replace.
    """

    def __init__(self, stock: "Wav2Vec2ConformerEncoderLayer") -> None:
        super().__init__()
        self.ffn1_layer_norm = stock.ffn1_layer_norm
        self.ffn1 = stock.ffn1
        self.self_attn_layer_norm = stock.self_attn_layer_norm
        self.self_attn_dropout = stock.self_attn_dropout
        self.self_attn = stock.self_attn
        self.conv_module = stock.conv_module
        self.ffn2_layer_norm = stock.ffn2_layer_norm
        self.ffn2 = stock.ffn2
        self.final_layer_norm = stock.final_layer_norm

    def train(self, mode: bool = True) -> "ConformerBlock":
        """Set training mode, the batch norm excepted."""
        super().train(mode)
        self.conv_module.batch_norm.eval()
        return self

    def forward(
        self,
        hidden: Tensor,
        attention_mask: Tensor | None,
        relative_position_embeddings: Tensor | None,
        padding: Tensor | None,
    ) -> Tensor:
        """Return the next hidden state.

        Args:
            hidden: `(batch, frames, width)`.
            attention_mask: As transformers' attention takes it; None if all frames may
                be attended to.
            relative_position_embeddings: What `positions_of` returns.
            padding: `(batch, frames, 1)` bool, True outside the clip; None if there is
                none.
        """
        hidden = hidden + 0.5 * self.ffn1(self.ffn1_layer_norm(hidden))
        attended, _ = self.self_attn(
            hidden_states=self.self_attn_layer_norm(hidden),
            attention_mask=attention_mask,
            relative_position_embeddings=relative_position_embeddings,
        )
        hidden = hidden + self.self_attn_dropout(attended)
        hidden = hidden + self._convolve(hidden, padding)
        hidden = hidden + 0.5 * self.ffn2(self.ffn2_layer_norm(hidden))
        normed: Tensor = self.final_layer_norm(hidden)
        return normed

    def _convolve(self, hidden: Tensor, padding: Tensor | None) -> Tensor:
        module = self.conv_module
        hidden = module.layer_norm(hidden)
        if padding is not None:  # stays zero, as what follows has no bias
            hidden = hidden.masked_fill(padding, 0)
        gated = module.glu(module.pointwise_conv1(hidden.transpose(1, 2)))
        normed = module.batch_norm(module.depthwise_conv(gated))
        convolved = module.pointwise_conv2(module.activation(normed))
        dropped: Tensor = module.dropout(convolved).transpose(1, 2)
        return dropped


def positions_of(encoder: Any, hidden: Tensor) -> Tensor | None:  # noqa: ANN401
    """Return the position embeddings that conformer blocks of transformers take.

    Args:
        encoder: transformers' encoder of conformer blocks.
        hidden: `(batch, frames, width)` what its first block reads.
    """
    embedding = encoder.embed_positions
    if embedding is None:
        return None
    embedding.cached_sequence_length = None  # of another dtype or device, maybe
    with torch.inference_mode(False):  # what it keeps must serve training too
        embedded: Tensor = embedding(hidden.float())  # and full precision
    return embedded.to(hidden.dtype)
