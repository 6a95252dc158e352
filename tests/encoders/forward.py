"""Forward passes of encoders that transformers doesn't have, one tensor after another.

Written down from the papers and the public code; nothing here calls crossemo.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as f
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

from tests.encoders.mapped import (
    BANDS,
    CONVOLUTIONS,
    HEADS,
    WIDTH,
    Tensors,
    frequencies,
    tensors,
)


def mapped_states(family: str, waveform: Tensor, seed: int = 0) -> Tensor:
    """Return all hidden states `(states, frames, width)` of a clip alone."""
    weights = tensors(family, seed)
    if family == "emotion2vec":
        states = emotion2vec_states(weights, waveform)
    else:
        states = muq_states(
            weights, waveform, {"muq": (2, 1), "musicfm": (2, 2)}[family]
        )
    return torch.stack(states)


def linear(w: Tensors, place: str, x: Tensor) -> Tensor:
    return f.linear(x, w[f"{place}.weight"], w[f"{place}.bias"])


def layer_norm(w: Tensors, place: str, x: Tensor) -> Tensor:
    return f.layer_norm(x, x.shape[-1:], w[f"{place}.weight"], w[f"{place}.bias"])


def batch_norm(w: Tensors, place: str, x: Tensor) -> Tensor:
    mean, variance = w[f"{place}.running_mean"], w[f"{place}.running_var"]
    return f.batch_norm(x, mean, variance, w[f"{place}.weight"], w[f"{place}.bias"])


def attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Return `(frames, width)` of `(heads, frames, width of a head)`."""
    logits = query @ key.transpose(1, 2) / math.sqrt(query.shape[-1]) + bias
    return (logits.softmax(-1) @ value).transpose(0, 1).flatten(1)


def heads_of(x: Tensor) -> Tensor:
    return x.reshape(len(x), HEADS, -1).transpose(0, 1)


def muq_states(w: Tensors, waveform: Tensor, strides: tuple[int, int]) -> list[Tensor]:
    """MuQ (Zhu et al., 2025) and MusicFM (Won et al., 2024): `(frames, width)` each."""
    mel = MelSpectrogram(24_000, 2048, hop_length=240, n_mels=BANDS)(waveform)
    x = (AmplitudeToDB()(mel)[:, :-1] - 6.75) / 18.5
    x = x[None, None]  # (1, channels, bands, frames)
    for layer, stride in enumerate(strides):
        x = residual(w, f"conv.conv.{layer}", x, (2, stride))
    channels, bands, frames = x.shape[1:]
    x = x[0].reshape(channels * bands, frames).T
    states = [linear(w, "conv.linear", x)]
    for block in range(2):
        states.append(conformer_block(w, f"conformer.layers.{block}", states[-1]))
    states[-1] = layer_norm(w, "conformer.layer_norm", states[-1])
    return states


def residual(w: Tensors, place: str, x: Tensor, stride: tuple[int, int]) -> Tensor:
    def convolved(number: int, x: Tensor, stride: tuple[int, int]) -> Tensor:
        weight, bias = (
            w[f"{place}.conv{number}.{name}"] for name in ("weight", "bias")
        )
        y = f.conv2d(x, weight, bias, stride, padding=1)
        return batch_norm(w, f"{place}.bn{number}", y)

    inner = convolved(2, convolved(1, x, stride).relu(), (1, 1))
    return (inner + convolved(3, x, stride)).relu()


def conformer_block(w: Tensors, place: str, x: Tensor) -> Tensor:
    """Gulati et al., 2020, with rotary positions (Su et al., 2021) before q and k."""

    def feed_forward(name: str, x: Tensor) -> Tensor:
        inner = linear(w, f"{place}.{name}.intermediate_dense", x)
        return linear(w, f"{place}.{name}.output_dense", inner * inner.sigmoid())

    x = x + feed_forward("ffn1", layer_norm(w, f"{place}.ffn1_layer_norm", x)) / 2
    normed = layer_norm(w, f"{place}.self_attn_layer_norm", x)
    turned = rotated(normed)
    query = heads_of(linear(w, f"{place}.self_attn.linear_q", turned))
    key = heads_of(linear(w, f"{place}.self_attn.linear_k", turned))
    value = heads_of(linear(w, f"{place}.self_attn.linear_v", normed))
    attended = attention(query, key, value, torch.zeros(()))
    x = x + linear(w, f"{place}.self_attn.linear_out", attended)
    x = x + convolution(w, f"{place}.conv_module", x)
    x = x + feed_forward("ffn2", layer_norm(w, f"{place}.ffn2_layer_norm", x)) / 2
    return layer_norm(w, f"{place}.final_layer_norm", x)


def rotated(x: Tensor) -> Tensor:
    """Turn feature i of a head's first half with feature i of its second."""
    first, second = x.reshape(len(x), HEADS, 2, -1).unbind(2)
    turn = torch.polar(torch.ones(()), torch.arange(len(x))[:, None] * frequencies())
    together = torch.complex(first, second) * turn[:, None]
    return torch.stack([together.real, together.imag], 2).flatten(1)


def convolution(w: Tensors, place: str, x: Tensor) -> Tensor:
    y = layer_norm(w, f"{place}.layer_norm", x).T[None]
    y = f.glu(f.conv1d(y, w[f"{place}.pointwise_conv1.weight"]), dim=1)
    y = f.conv1d(y, w[f"{place}.depthwise_conv.weight"], padding=2, groups=WIDTH)
    y = batch_norm(w, f"{place}.batch_norm", y)
    y = f.conv1d(y * y.sigmoid(), w[f"{place}.pointwise_conv2.weight"])
    return y[0].T


def emotion2vec_states(w: Tensors, waveform: Tensor) -> list[Tensor]:
    """emotion2vec (Ma et al., 2024): `(frames, width)` each, without its tokens."""
    audio = "modality_encoders.AUDIO"
    x = f.layer_norm(waveform, waveform.shape)[None]  # (channels, samples)
    for layer, (_, stride) in enumerate(CONVOLUTIONS):
        place = f"{audio}.local_encoder.conv_layers.{layer}"
        x = f.conv1d(x, w[f"{place}.0.weight"], stride=stride)
        x = f.gelu(layer_norm(w, f"{place}.2.1", x.T)).T
    x = layer_norm(w, f"{audio}.project_features.1", x.T)
    x = linear(w, f"{audio}.project_features.2", x)
    p = x.T
    for layer in (1, 2, 3):
        place = f"{audio}.relative_positional_encoder.{layer}.0"
        p = f.conv1d(p, w[f"{place}.weight"], w[f"{place}.bias"], padding=2, groups=2)
        p = f.gelu(f.layer_norm(p.T, (WIDTH,))).T
    x = torch.cat([w[f"{audio}.extra_tokens"][0], x + p.T])
    states = [layer_norm(w, f"{audio}.context_encoder.norm", x)]
    tokens = len(x) - p.shape[1]
    bias = distances(w[f"{audio}.alibi_scale"].flatten(), len(x), tokens)
    for block in (f"{audio}.context_encoder.blocks.0", "blocks.0"):
        states.append(block_after_norms(w, block, states[-1], bias))
    return [state[tokens:] for state in states]


def distances(scale: Tensor, frames: int, tokens: int) -> Tensor:
    """ALiBi (Press et al., 2022) of two heads, whose slopes are 1/16 and 1/256."""
    places = torch.arange(frames - tokens)[:, None].float()
    apart = torch.cdist(places, places, p=1)
    bias = torch.zeros(HEADS, frames, frames)
    for head, slope in enumerate((1 / 16, 1 / 256)):
        bias[head, tokens:, tokens:] = -slope * scale[head] * apart
    return bias


def block_after_norms(w: Tensors, place: str, x: Tensor, bias: Tensor) -> Tensor:
    query, key, value = linear(w, f"{place}.attn.qkv", x).chunk(3, dim=-1)
    attended = attention(heads_of(query), heads_of(key), heads_of(value), bias)
    x = layer_norm(w, f"{place}.norm1", x + linear(w, f"{place}.attn.proj", attended))
    inner = f.gelu(linear(w, f"{place}.mlp.fc1", x))
    return layer_norm(w, f"{place}.norm2", x + linear(w, f"{place}.mlp.fc2", inner))
