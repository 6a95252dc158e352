"""WavLM (Chen et al., 2022), its attention with projections that adapters can wrap."""

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from crossemo.encoders.attention import DEFAULT, attend, set_attention
from crossemo.encoders.families.base import EncoderFiles, Model
from crossemo.encoders.families.wav2vec2 import Wav2Vec2Family

if TYPE_CHECKING:
    from transformers import WavLMConfig
    from transformers.models.wavlm.modeling_wavlm import WavLMAttention


class GatedRelativeAttention(nn.Module):
    """Attention with a gated relative position bias (Chen et al., WavLM, 2022).

    transformers' own reads `q_proj.weight` and its like itself, so an adapter in place
    of a projection has no effect or no gradient. This one calls the projections. It
    takes over the modules and parameters of the attention that it replaces, under the
    same names, and gives the same output to rounding.

    Args:
        stock: The `WavLMAttention` to replace.
        config: The configuration of the model, which says whether to attend eagerly.
    """

    def __init__(self, stock: "WavLMAttention", config: "WavLMConfig") -> None:
        super().__init__()
        self.config = config
        self.num_heads: int = stock.num_heads
        self.num_buckets: int = stock.num_buckets
        self.max_distance: int = stock.max_distance
        self.dropout: float = stock.dropout
        self.q_proj = stock.q_proj
        self.k_proj = stock.k_proj
        self.v_proj = stock.v_proj
        self.out_proj = stock.out_proj
        self.gru_rel_pos_linear = stock.gru_rel_pos_linear
        self.gru_rel_pos_const = stock.gru_rel_pos_const
        if hasattr(stock, "rel_attn_embed"):  # the first block's serves all blocks
            self.rel_attn_embed = stock.rel_attn_embed

    def position_bias(self, frames: int) -> Tensor:
        """Return the bias `(heads, frames, frames)` before gating; first block only."""
        where = torch.arange(frames, device=self.rel_attn_embed.weight.device)
        buckets = self._buckets(where[None, :] - where[:, None])
        bias: Tensor = self.rel_attn_embed(buckets)
        return bias.permute(2, 0, 1)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        position_bias: Tensor | None = None,
        **_: object,
    ) -> tuple[Tensor, None, Tensor]:
        """Attend.

        Args:
            hidden_states: `(batch, frames, width)`.
            attention_mask: `(batch, 1, 1, frames)` bool, True where a frame may be
                attended to; None if all may.
            position_bias: `(heads, frames, frames)`; None to compute it here.

        Returns:
            `(batch, frames, width)`, no weights, and the position bias.
        """
        if position_bias is None:
            position_bias = self.position_bias(hidden_states.shape[1])
        # (batch, heads, frames, frames)
        bias = self._gate(hidden_states) * position_bias
        if attention_mask is not None:
            bias = bias.masked_fill(~attention_mask, -math.inf)
        query = self._split(self.q_proj(hidden_states))
        attended = attend(
            query,
            self._split(self.k_proj(hidden_states)),
            self._split(self.v_proj(hidden_states)),
            bias,
            dropout=self.dropout if self.training else 0.0,
            eager=self.config._attn_implementation == "eager",
        )
        merged = attended.transpose(1, 2).flatten(2)
        return self.out_proj(merged), None, position_bias

    def _split(self, hidden: Tensor) -> Tensor:
        # (batch, frames, width) -> (batch, heads, frames, width / heads)
        batch, frames, width = hidden.shape
        shape = (batch, frames, self.num_heads, width // self.num_heads)
        return hidden.view(shape).transpose(1, 2)

    def _gate(self, hidden: Tensor) -> Tensor:
        eight: Tensor = self.gru_rel_pos_linear(self._split(hidden))
        gates = torch.sigmoid(eight.view(*eight.shape[:-1], 2, 4).sum(dim=-1))
        update, reset = gates[..., :1], gates[..., 1:]  # (batch, heads, frames, 1)
        gate: Tensor = update * (reset * self.gru_rel_pos_const - 1.0) + 2.0
        return gate

    def _buckets(self, offsets: Tensor) -> Tensor:
        # Half of the buckets per direction; of these half are exact offsets, the others
        # grow logarithmically up to max_distance.
        half = self.num_buckets // 2
        exact = half // 2
        distance = offsets.abs()
        growth = torch.log(distance.clamp(min=1).float() / exact)
        scale = math.log(self.max_distance / exact)
        far = (exact + growth / scale * (half - exact)).to(torch.long)
        near = torch.where(distance < exact, distance, far.clamp(max=half - 1))
        return near + half * (offsets > 0)


class WavLMFamily(Wav2Vec2Family):
    """WavLM."""

    citation = """
    @article{chen2022wavlm,
      author = {Chen, Sanyuan and Wang, Chengyi and Chen, Zhengyang and Wu, Yu and
                Liu, Shujie and Chen, Zhuo and Li, Jinyu and Kanda, Naoyuki and
                Yoshioka, Takuya and Xiao, Xiong and Wu, Jian and Zhou, Long and
                Ren, Shuo and Qian, Yanmin and Qian, Yao and Wu, Jian and
                Zeng, Michael and Yu, Xiangzhan and Wei, Furu},
      title = {{WavLM}: Large-Scale Self-Supervised Pre-Training for Full Stack Speech
               Processing},
      journal = {IEEE Journal of Selected Topics in Signal Processing},
      volume = {16},
      number = {6},
      pages = {1505--1518},
      year = {2022},
      doi = {10.1109/JSTSP.2022.3188113},
    }
    """
    stem = "WavLM"
    attention = "eager"  # replaced below
    uncalled = ("q_proj", "k_proj", "v_proj", "attention.out_proj")

    def normalises(self, files: EncoderFiles) -> bool:
        """Return what the files say; models with group norm were trained without."""
        group_norm = files.config.get("feat_extract_norm", "group") == "group"
        return bool(files.preprocessor.get("do_normalize", not group_norm))

    def adjust(self, model: Model) -> None:
        """Replace the attention of every block, weights kept."""
        for layer in model.encoder.layers:
            layer.attention = GatedRelativeAttention(layer.attention, model.config)
        set_attention(model, DEFAULT)

    def block_options(
        self, model: Model, hidden: Tensor, mask: Tensor | None
    ) -> dict[str, Any]:
        """Return the mask, and the position bias that all blocks share."""
        first: GatedRelativeAttention = model.encoder.layers[0].attention
        bias = first.position_bias(hidden.shape[1])
        of_keys = None if mask is None else mask[:, None, None, :]
        return {"attention_mask": of_keys, "position_bias": bias}


FAMILY = WavLMFamily()
