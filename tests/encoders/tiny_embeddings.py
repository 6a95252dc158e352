from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

RATES = {"clap": 48_000, "clap-fused": 48_000, "encodec": 24_000, "dac": 16_000}
KINDS = tuple(RATES)
_MODELS = {
    "clap": "ClapModel",
    "clap-fused": "ClapModel",
    "encodec": "EncodecModel",
    "dac": "DacModel",
}
_SOUND = {
    "spec_size": 32,
    "num_mel_bins": 16,
    "window_size": 4,
    "patch_embeds_hidden_size": 8,
    "depths": [2, 2],
    "num_attention_heads": [2, 2],
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "hidden_dropout_prob": 0.1,
}
_TEXT = {
    "vocab_size": 10,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 10,
}
_MEL = {
    "feature_size": 16,
    "hop_length": 800,
    "max_length_s": 1,
    "fft_window_size": 1024,
    "frequency_min": 50,
}


def write_tiny(folder: Path, kind: str) -> Path:
    """Write a tiny encoder of a kind as transformers saves it."""
    extractor, model = _clap(kind) if "clap" in kind else _codec(kind)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


def published(folder: Path, kind: str, clip: Tensor) -> Tensor:
    """Return what transformers gives of a clip `(samples,)`: `(frames, width)`."""
    model: Any = getattr(transformers, _MODELS[kind]).from_pretrained(folder).eval()
    samples, rate = clip.numpy(), RATES[kind]
    with torch.no_grad():
        if kind == "encodec":
            return as_rows(model.encoder(clip[None, None]))
        name = _MODELS[kind].replace("Model", "FeatureExtractor")
        extractor: Any = getattr(transformers, name).from_pretrained(folder)
        inputs = extractor(samples, sampling_rate=rate, return_tensors="np")
        if kind == "dac":
            return as_rows(model.encoder(torch.as_tensor(inputs.input_values)))
        mel = torch.as_tensor(inputs.input_features)
        # As of clips that aren't longer than a window; transformers draws lots for one.
        longer = torch.zeros(1, 1, dtype=torch.bool)
        vector: Tensor = model.get_audio_features(mel, longer).pooler_output
        return vector


def as_rows(latent: Tensor) -> Tensor:
    return latent[0].T


def _clap(kind: str) -> tuple[Any, Any]:
    fused = kind == "clap-fused"
    fusion = {"enable_fusion": True, "fusion_type": "aff_2d"} if fused else {}
    config = transformers.ClapConfig(
        text_config=_TEXT, audio_config={**_SOUND, **fusion}, projection_dim=6
    )
    truncation = "fusion" if fused else "rand_trunc"
    extractor = transformers.ClapFeatureExtractor(**_MEL, truncation=truncation)
    return extractor, _drawn(transformers.ClapModel, config)


def _codec(kind: str) -> tuple[Any, Any]:
    sizes = {"codebook_size": 4}
    if kind == "encodec":
        config = transformers.EncodecConfig(
            **sizes, hidden_size=12, num_filters=2, upsampling_ratios=[4, 3, 2]
        )
        return transformers.EncodecFeatureExtractor(), _drawn(
            transformers.EncodecModel, config
        )
    config = transformers.DacConfig(
        **sizes,
        encoder_hidden_size=3,
        decoder_hidden_size=8,
        downsampling_ratios=[2, 3, 4],
        n_codebooks=2,
    )
    extractor = transformers.DacFeatureExtractor(hop_length=24)
    return extractor, _drawn(transformers.DacModel, config)


def _drawn(model_class: Any, config: object) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_class(config)
        with torch.no_grad():  # initial zeros and ones would hide mistakes
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
            for name, buffer in model.named_buffers():
                if name.endswith(("running_mean", "running_var")):
                    buffer.add_(torch.rand_like(buffer))
    return model.eval()
