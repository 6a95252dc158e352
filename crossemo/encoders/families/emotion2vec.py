"""emotion2vec (Ma et al., 2024), an encoder of data2vec 2.0, without FunASR.

Names, shapes and steps are those of `funasr.models.emotion2vec` in FunASR 1.4.16, with
which its weights were published.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from crossemo.encoders.catalogue import EncoderError, receptive_field
from crossemo.encoders.families.base import EncoderFiles, Family, Model, Run
from crossemo.encoders.families.data2vec_audio import Data2VecAudioFamily
from crossemo.encoders.masking import normalise, unpadded, valid_mask

_EPSILON = 1e-5  # that is added to the variance of a clip
_MOST_CONVOLUTIONS = 100  # the published ones have seven
# How names begin in the file, behind what is the same in all, and in the model.
_NAMES = {
    r"local_encoder\.conv_layers\.(\d+)\.0": r"feature_extractor.conv_layers.\1.conv",
    r"local_encoder\.conv_layers\.(\d+)\.2\.1": (
        r"feature_extractor.conv_layers.\1.layer_norm"
    ),
    r"project_features\.1": "feature_projection.layer_norm",
    r"project_features\.2": "feature_projection.projection",
    r"context_encoder\.norm": "encoder.layer_norm",
    r"context_encoder\.blocks": "encoder.context",
    r"blocks": "encoder.layers",
    r"(extra_tokens|alibi_scale)": r"encoder.context.0.\1",
}
# What its code could be told to do otherwise.
_ALWAYS: Mapping[str, object] = MappingProxyType(
    {
        "conv_pos_pre_ln": False,
        "extractor_mode": "layer_norm",
        "layer_norm_first": False,
        "learned_alibi": False,
        "learned_alibi_scale_per_layer": False,
        "norm_affine": True,
        "normalize": True,
        "use_alibi_encoder": True,
    }
)


class Emotion2VecFamily(Data2VecAudioFamily):
    """emotion2vec and emotion2vec+."""

    citation = """
    @inproceedings{ma2024emotion2vec,
      author = {Ma, Ziyang and Zheng, Zhisheng and Ye, Jiaxin and Li, Jinchao and
                Gao, Zhifu and Zhang, Shiliang and Chen, Xie},
      title = {{emotion2vec}: Self-Supervised Pre-Training for Speech Emotion
               Representation},
      booktitle = {Findings of the Association for Computational Linguistics: ACL},
      pages = {15747--15760},
      year = {2024},
      eprint = {2312.15185},
      archiveprefix = {arXiv},
    }
    """
    weights = ("model.pt", "emotion2vec_base.pt")
    untried = True
    # The classifier of the plus models and what pre-training needed.
    heads = re.compile(r"(proj|decoder|shared_decoder|_ema|ema|encoder_mask)(\.|$)")
    places = MappingProxyType(
        {
            "query": "qkv",
            "key": "qkv",
            "value": "qkv",
            "feed_forward": "fc2",
            "norms": r"encoder\.(context|layers)\.\d+\.norm\d",
        }
    )
    bottlenecks = ("attn.proj", "mlp.fc2")

    def min_samples(self, files: EncoderFiles) -> int:
        """Return the receptive field of the convolutions."""
        _, kernels, strides = _convolutions(files)
        return receptive_field(kernels, strides)

    def normalises(self, files: EncoderFiles) -> bool:
        """Return False: `embed` does it, with another number beside the variance."""
        return False

    def tensor_name(self, name: str) -> str:
        """Return the name in the model of a tensor, by its name in the file."""
        name = re.sub(r"^(d2v_model\.)?(modality_encoders\.AUDIO\.)?", "", name)
        for theirs, ours in _NAMES.items():
            if re.match(rf"{theirs}(\.|$)", name):
                return re.sub(rf"^{theirs}", ours, name)
        if place := re.match(r"relative_positional_encoder\.(\d+)\.0\.", name):
            layer = int(place[1]) - 1  # 0 turns frames and features
            return f"encoder.pos_conv_embed.layers.{layer}.conv.{name[place.end() :]}"
        return name

    def fields(self, files: EncoderFiles) -> Mapping[str, Any]:
        """Return the configuration as data2vec's.

        Raises:
            EncoderError: It asks for what no published emotion2vec does.
        """
        config, audio = files.config, files.config["modalities"]["audio"]
        always = {**_ALWAYS, "num_alibi_heads": config["num_heads"]}
        for option, only in always.items():
            value = {**config, **audio}.get(option, only)
            if value != only:
                raise EncoderError(
                    f"{files.name} says {option}: {value!r}, and crossemo knows "
                    f"emotion2vec with {only!r} only: choose a published one."
                )
        channels, kernels, strides = _convolutions(files)
        return {
            "activation_dropout": config["activation_dropout"],
            "attention_dropout": config["attention_dropout"],
            "conv_bias": False,
            "conv_dim": channels,
            "conv_kernel": kernels,
            "conv_pos_kernel_size": max(
                3, audio["conv_pos_width"] // audio["conv_pos_depth"]
            ),
            "conv_stride": strides,
            "feat_proj_dropout": 0.0,
            "hidden_dropout": config["encoder_dropout"],
            "hidden_size": config["embed_dim"],
            "intermediate_size": int(config["embed_dim"] * config["mlp_ratio"]),
            "num_attention_heads": config["num_heads"],
            "num_conv_pos_embedding_groups": audio["conv_pos_groups"],
            "num_conv_pos_embeddings": audio["conv_pos_depth"],
            "num_hidden_layers": audio["prenet_depth"] + config["depth"],
        }

    def architecture(
        self, files: EncoderFiles, *, dropout: bool
    ) -> tuple[Callable[[Any], Model], Any]:
        """Return a module of ours around data2vec's front end."""
        from crossemo.encoders.data2vec2 import BlockShape, Data2Vec2

        _, config = super().architecture(files, dropout=dropout)
        audio = files.config["modalities"]["audio"]
        each_head = audio["learned_alibi_scale_per_head"]
        shape = BlockShape(
            lower=audio["prenet_depth"],
            tokens=audio["num_extra_tokens"],
            scales=config.num_attention_heads if each_head else 1,
            epsilon=float(files.config["norm_eps"]),
            post_dropout=files.config["post_mlp_drop"] if dropout else 0.0,
        )
        return partial(Data2Vec2, shape=shape), config

    def traits(self, model: Model, files: EncoderFiles) -> list[Any]:
        """Return all of the configuration."""
        return Family.traits(self, model, files)

    def embed(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> Tensor:
        """Return the frames that the first block reads beside its tokens."""
        inside = valid_mask(lengths, waveforms.shape[1], waveforms.device)
        normed = normalise(waveforms, inside, _EPSILON)
        return super().embed(model, normed, lengths, run)

    def hidden_states(
        self, model: Model, waveforms: Tensor, lengths: Sequence[int], run: Run
    ) -> list[Tensor]:
        """Return hidden states 0 to the number of blocks, without the tokens."""
        states = [self.embed(model, waveforms, lengths, run)]
        encoder, frames = model.encoder, states[0].shape[1]
        first = encoder.context[0]
        tokens = encoder.dropout(encoder.layer_norm(first.extra_tokens))
        count = tokens.shape[1]
        bias, counts = first.distances(frames), self.count_frames(model, lengths)
        if not unpadded(counts, frames):
            inside = valid_mask(counts, frames, waveforms.device)
            heard = pad(inside, (count, 0), value=True)[:, None, None]
            bias = bias.masked_fill(~heard, float("-inf"))
        hidden = torch.cat([tokens.expand(len(waveforms), -1, -1), states[0]], dim=1)
        for block in self.blocks(model):
            hidden = run(block, hidden, bias=bias)
            states.append(hidden[:, count:])
        return states

    def blocks(self, model: Model) -> Sequence[nn.Module]:
        """Return the blocks, those first that its code counts by themselves."""
        return [*model.encoder.context, *model.encoder.layers]


def _convolutions(
    files: EncoderFiles,
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return channels, kernels and strides; they are written as a sum of lists."""
    text = str(files.config["modalities"]["audio"]["feature_encoder_spec"])
    layers: list[tuple[int, ...]] = []
    for listed, times in re.findall(r"\[(.*?)\](?:\s*\*\s*(\d+))?", text):
        numbers = [int(number) for number in re.findall(r"\d+", listed)]
        some = list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))
        layers += some * min(int(times or 1), _MOST_CONVOLUTIONS)
    channels, kernels, strides = zip(*layers, strict=True)
    return channels, kernels, strides


FAMILY = Emotion2VecFamily()
