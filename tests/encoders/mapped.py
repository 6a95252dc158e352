"""Tiny encoders that transformers doesn't have, by the published names and shapes."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torchaudio.transforms import MelSpectrogram

MAPPED = ("muq", "musicfm", "emotion2vec")
Tensors = dict[str, Tensor]
WIDTH, HEADS, INNER, BANDS, CHANNELS = 16, 2, 24, 16, 4
TOKENS = 3
CONFIGS: dict[str, dict[str, Any]] = {
    "muq": {
        "codebook_dim": 16,
        "codebook_size": 8,
        "conv_dim": CHANNELS,
        "encoder_depth": 2,
        "encoder_dim": WIDTH,
        "features": ["melspec_2048"],
        "hop_length": 240,
        "is_flash": False,
        "label_rate": 50,
        "mask_prob": 0.6,
        "n_mels": BANDS,
        "stat": {"melspec_2048_mean": 6.75, "melspec_2048_std": 18.5},
        "use_rvq_target": True,
        "w2v2_config": {
            "architectures": ["Wav2Vec2ConformerForCTC"],
            "attention_dropout": 0.1,
            "conformer_conv_dropout": 0.1,
            "conv_depthwise_kernel_size": 5,
            "hidden_act": "swish",
            "hidden_dropout": 0.1,
            "hidden_size": 1024,
            "intermediate_size": INNER,
            "layer_norm_eps": 1e-5,
            "layerdrop": 0.1,
            "model_type": "wav2vec2-conformer",
            "num_attention_heads": HEADS,
            "num_hidden_layers": 24,
            "position_embeddings_type": "rotary",
            "rotary_embedding_base": 10000,
        },
    },
    "emotion2vec": {
        "model_type": "emotion2vec",
        "activation_dropout": 0.1,
        "attention_dropout": 0.1,
        "depth": 1,
        "embed_dim": WIDTH,
        "encoder_dropout": 0.1,
        "layer_norm_first": False,
        "layerdrop": 0.05,
        "mlp_ratio": INNER / WIDTH,
        "norm_affine": True,
        "norm_eps": "1e-05",  # as YAML 1.1 reads it
        "normalize": True,
        "num_heads": HEADS,
        "post_mlp_drop": 0.1,
        "modalities": {
            "audio": {
                "conv_pos_depth": 3,
                "conv_pos_groups": 2,
                "conv_pos_width": 15,
                "extractor_mode": "layer_norm",
                "feature_encoder_spec": "[(8, 10, 5)] + [(8, 3,2)] * 1 + [(8,2,2)]",
                "learned_alibi_scale_per_head": True,
                "num_extra_tokens": TOKENS,
                "prenet_depth": 1,
                "use_alibi_encoder": True,
            }
        },
    },
}
CONFIGS["musicfm"] = {
    "model_type": "musicfm",
    **{key: CONFIGS["muq"][key] for key in ("conv_dim", "n_mels", "stat")},
    **{key: CONFIGS["muq"][key] for key in ("encoder_depth", "encoder_dim")},
    "w2v2_config": CONFIGS["muq"]["w2v2_config"],
}
# Kernels and strides of emotion2vec's convolutions, as in the sum above.
CONVOLUTIONS = ((10, 5), (3, 2), (2, 2))


def write_mapped(folder: Path, family: str, seed: int = 0) -> Path:
    """Write a folder as the published files are, nested where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIGS[family]))
    stored = published(family, seed)
    if family == "muq":
        save_file(stored, folder / "model.safetensors")
    else:  # as trainings of lightning and fairseq leave them
        nest = "state_dict" if family == "musicfm" else "model"
        torch.save({"epoch": 3, nest: stored}, folder / "pytorch_model.bin")
    return folder


def published(family: str, seed: int = 0) -> Tensors:
    """Return what a published file of these sizes holds, heads included."""
    if family == "emotion2vec":
        heads = {"proj.weight": torch.zeros(9, WIDTH), "proj.bias": torch.zeros(9)}
        decoder = {"modality_encoders.AUDIO.decoder.proj.bias": torch.zeros(WIDTH)}
        own = tensors(family, seed) | decoder
        return {f"d2v_model.{key}": tensor for key, tensor in own.items()} | heads
    mel = MelSpectrogram(24_000, 2048, hop_length=240, n_mels=BANDS)
    extra = {
        "cls_token": torch.zeros(WIDTH),
        "conformer.embed_positions.inv_freq": frequencies(),
        "conformer.pos_conv_embed.conv.bias": torch.zeros(WIDTH),
        "linear.weight": torch.zeros(8, WIDTH),
    }
    if family == "muq":
        extra["rvq.quantizers.0.codebook.weight"] = torch.zeros(8, 16)
        extra["recon_proj.bias"] = torch.zeros(4)
    else:
        extra["quantizer_melspec_2048_0.codebook"] = torch.zeros(8, 16)
        place = "preprocessor_melspec_2048.melspec"
        extra[f"{place}.mel_scale.fb"] = mel.mel_scale.fb
        extra[f"{place}.spectrogram.window"] = mel.spectrogram.window
    return {f"model.{key}": t for key, t in (tensors(family, seed) | extra).items()}


def tensors(family: str, seed: int = 0) -> Tensors:
    """Return what hidden states depend on, by names without a training's prefix."""
    shapes = dict(emotion2vec_shapes() if family == "emotion2vec" else muq_shapes())
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            made[key] = torch.tensor(5)
            continue
        fan = math.prod(shape[1:]) if len(shape) > 1 else 25
        drawn = torch.randn(shape, generator=generator) / math.sqrt(fan)
        factor = len(shape) == 1 and key.endswith("weight")  # of a norm
        positive = factor or key.endswith(("running_var", "alibi_scale"))
        made[key] = drawn.abs() + 0.5 if positive else drawn
    return made


def frequencies() -> Tensor:
    """Return how fast each pair of features of a head turns, in radians a frame."""
    return 10000.0 ** (-torch.arange(0, WIDTH // HEADS, 2) / (WIDTH // HEADS))


def muq_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    for layer, inputs in enumerate((1, CHANNELS)):
        for number, channels in enumerate((inputs, CHANNELS, inputs), 1):
            place = f"conv.conv.{layer}"
            yield f"{place}.conv{number}.weight", (CHANNELS, channels, 3, 3)
            yield f"{place}.conv{number}.bias", (CHANNELS,)
            yield from _batch_norm(f"{place}.bn{number}", CHANNELS)
    yield from _linear("conv.linear", CHANNELS * BANDS // 4, WIDTH)
    for block in range(2):
        place = f"conformer.layers.{block}"
        for part in ("ffn1", "ffn2"):
            yield from _linear(f"{place}.{part}.intermediate_dense", WIDTH, INNER)
            yield from _linear(f"{place}.{part}.output_dense", INNER, WIDTH)
        for part in ("q", "k", "v", "out"):
            yield from _linear(f"{place}.self_attn.linear_{part}", WIDTH, WIDTH)
        for norm in ("ffn1", "self_attn", "ffn2", "final"):
            yield from _norm(f"{place}.{norm}_layer_norm", WIDTH)
        module = f"{place}.conv_module"
        yield from _norm(f"{module}.layer_norm", WIDTH)
        yield f"{module}.pointwise_conv1.weight", (2 * WIDTH, WIDTH, 1)
        yield f"{module}.depthwise_conv.weight", (WIDTH, 1, 5)
        yield from _batch_norm(f"{module}.batch_norm", WIDTH)
        yield f"{module}.pointwise_conv2.weight", (WIDTH, WIDTH, 1)
    yield from _norm("conformer.layer_norm", WIDTH)


def emotion2vec_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    audio = "modality_encoders.AUDIO"
    yield f"{audio}.extra_tokens", (1, TOKENS, WIDTH)
    yield f"{audio}.alibi_scale", (1, 1, HEADS, 1, 1)
    for layer, (kernel, _) in enumerate(CONVOLUTIONS):
        place = f"{audio}.local_encoder.conv_layers.{layer}"
        yield f"{place}.0.weight", (8, 8 if layer else 1, kernel)
        yield from _norm(f"{place}.2.1", 8)
    yield from _norm(f"{audio}.project_features.1", 8)
    yield from _linear(f"{audio}.project_features.2", 8, WIDTH)
    for layer in (1, 2, 3):
        place = f"{audio}.relative_positional_encoder.{layer}.0"
        yield f"{place}.weight", (WIDTH, WIDTH // 2, 5)
        yield f"{place}.bias", (WIDTH,)
    yield from _norm(f"{audio}.context_encoder.norm", WIDTH)
    for place in (f"{audio}.context_encoder.blocks.0", "blocks.0"):
        yield from _norm(f"{place}.norm1", WIDTH)
        yield from _linear(f"{place}.attn.qkv", WIDTH, 3 * WIDTH)
        yield from _linear(f"{place}.attn.proj", WIDTH, WIDTH)
        yield from _norm(f"{place}.norm2", WIDTH)
        yield from _linear(f"{place}.mlp.fc1", WIDTH, INNER)
        yield from _linear(f"{place}.mlp.fc2", INNER, WIDTH)


def _linear(
    place: str, inputs: int, outputs: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{place}.weight", (outputs, inputs)
    yield f"{place}.bias", (outputs,)


def _norm(place: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{place}.weight", (width,)
    yield f"{place}.bias", (width,)


def _batch_norm(place: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _norm(place, width)
    yield f"{place}.running_mean", (width,)
    yield f"{place}.running_var", (width,)
    yield f"{place}.num_batches_tracked", ()
