"""The model behind emotion2vec: data2vec's front end, blocks that hear distances."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, gelu, pad
from transformers import Data2VecAudioConfig
from transformers.models.data2vec.modeling_data2vec_audio import (
    Data2VecAudioFeatureEncoder,
    Data2VecAudioFeatureProjection,
    Data2VecAudioPositionalConvEmbedding,
)

from crossemo.encoders.attention import attend


class BlockShape(NamedTuple):
    """What data2vec 2.0 has besides data2vec.

    Args:
        lower: Blocks that its code counts by themselves, before the others.
        tokens: Frames of no time that are put before the clip.
        scales: Learnt factors of the distances, one a head or one for all.
        epsilon: Of the norms of the blocks.
        post_dropout: Dropout behind the feed-forward part.
    """

    lower: int
    tokens: int
    scales: int
    epsilon: float
    post_dropout: float


class Data2Vec2(nn.Module):
    """The audio encoder of data2vec 2.0 (Baevski et al., 2023) as emotion2vec has it.

    Args:
        config: Of the front end and the blocks.
        shape: Of what data2vec hasn't.
    """

    def __init__(self, config: Data2VecAudioConfig, shape: BlockShape) -> None:
        super().__init__()
        self.config, self.shape = config, shape
        self.feature_extractor = Data2VecAudioFeatureEncoder(config)
        self.feature_projection = Data2VecAudioFeatureProjection(config)
        self.encoder = Blocks(config, shape)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return self.encoder.layer_norm.weight.dtype


class Blocks(nn.Module):
    """Positions, norm and blocks.

    Args:
        config: As of the model.
        shape: As of the model.
    """

    def __init__(self, config: Data2VecAudioConfig, shape: BlockShape) -> None:
        super().__init__()
        width = config.hidden_size
        self.pos_conv_embed = Data2VecAudioPositionalConvEmbedding(config)
        self.layer_norm = nn.LayerNorm(width, shape.epsilon)
        self.dropout = nn.Dropout(config.hidden_dropout)
        blocks = [
            FirstBlock(config, shape),
            *(Block(config, shape) for _ in range(config.num_hidden_layers - 1)),
        ]
        self.context = nn.ModuleList(blocks[: shape.lower])
        self.layers = nn.ModuleList(blocks[shape.lower :])


class Block(nn.Module):
    """Attention and feed-forward part, each followed by a norm.

    Args:
        config: As of the model.
        shape: As of the model.
    """

    def __init__(self, config: Data2VecAudioConfig, shape: BlockShape) -> None:
        super().__init__()
        width = config.hidden_size
        self.config, self.shape = config, shape
        self.attn = nn.ModuleDict(
            {"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)}
        )
        self.norm1 = nn.LayerNorm(width, shape.epsilon)
        self.mlp = nn.ModuleDict(
            {
                "fc1": nn.Linear(width, config.intermediate_size),
                "fc2": nn.Linear(config.intermediate_size, width),
            }
        )
        self.norm2 = nn.LayerNorm(width, shape.epsilon)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """Return the next hidden state, tokens included.

        Args:
            hidden: `(batch, tokens + frames, width)`.
            bias: What is added to the logits of attention.
        """
        hidden = self.norm1(hidden + self._attend(hidden, bias))
        inner = self._drop(
            gelu(self.mlp["fc1"](hidden)), self.config.activation_dropout
        )
        outer = self._drop(self.mlp["fc2"](inner), self.config.activation_dropout)
        normed: Tensor = self.norm2(hidden + self._drop(outer, self.shape.post_dropout))
        return normed

    def _attend(self, hidden: Tensor, bias: Tensor) -> Tensor:
        heads = self.config.num_attention_heads
        parts = self.attn["qkv"](hidden).unflatten(-1, (3, heads, -1))
        query, key, value = parts.transpose(1, 3).unbind(2)  # (batch, heads, frames, …)
        chance = self.config.attention_dropout if self.training else 0.0
        eager = self.config._attn_implementation == "eager"
        attended = attend(query, key, value, bias, dropout=chance, eager=eager)
        merged = attended.transpose(1, 2).flatten(2)
        return self._drop(self.attn["proj"](merged), self.config.hidden_dropout)

    def _drop(self, hidden: Tensor, chance: float) -> Tensor:
        return dropout(hidden, chance, self.training)


class FirstBlock(Block):
    """The first block, with what all blocks share and no lower state needs.

    Args:
        config: As of the model.
        shape: As of the model.
    """

    def __init__(self, config: Data2VecAudioConfig, shape: BlockShape) -> None:
        super().__init__(config, shape)
        self.extra_tokens = nn.Parameter(
            torch.randn(1, shape.tokens, config.hidden_size)
        )
        self.alibi_scale = nn.Parameter(torch.ones(1, 1, shape.scales, 1, 1))

    def distances(self, frames: int) -> Tensor:
        """Return what is added to the logits of attention.

        Args:
            frames: Frames of the longest clip.

        Returns:
            `(1, heads, tokens + frames, tokens + frames)`: linear in the distance of
            two frames (ALiBi; Press et al., 2022), and 0 for the tokens.
        """
        device = self.alibi_scale.device
        places = torch.arange(frames, device=device)
        apart = -(places[:, None] - places).abs()
        steepness = slopes(self.config.num_attention_heads).to(device)[:, None, None]
        bias = self.alibi_scale.clamp(min=0).squeeze(0) * steepness * apart
        tokens = self.shape.tokens
        return pad(bias, (tokens, 0, tokens, 0))


def slopes(heads: int) -> Tensor:
    """Return how steeply attention falls with distance in each head, `(heads,)`.

    >>> slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> slopes(3).tolist()
    [0.0625, 0.00390625, 0.25]
    """
    power = 2 ** int(math.log2(heads))
    between = range(1, 2 * power, 2)  # where heads aren't a power of 2
    whole = [2 ** (-8 * k / power) for k in range(1, power + 1)]
    halves = [2 ** (-4 * k / power) for k in between]
    return torch.tensor((whole + halves)[:heads])
