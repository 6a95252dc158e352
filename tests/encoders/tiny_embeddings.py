from pathlib import Path

import torch
import transformers
from torch import Tensor, nn

RATES = {"clap": 48_000, "clap-fused": 48_000, "encodec": 24_000, "dac": 16_000}
KINDS = tuple(RATES)
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
    if kind == "dac":
        dac = transformers.DacModel.from_pretrained(folder).eval()
        extractor = transformers.DacFeatureExtractor.from_pretrained(folder)
        inputs = extractor(clip.numpy(), sampling_rate=16_000, return_tensors="np")
        with torch.no_grad():
            return dac.encoder(torch.as_tensor(inputs.input_values))[0].T
    if kind == "encodec":
        encodec = transformers.EncodecModel.from_pretrained(folder).eval()
        with torch.no_grad():
            return encodec.encoder(clip[None, None])[0].T
    clap = transformers.ClapModel.from_pretrained(folder).eval()
    extractor = transformers.ClapFeatureExtractor.from_pretrained(folder)
    inputs = extractor(clip.numpy(), sampling_rate=48_000, return_tensors="pt")
    with torch.no_grad():
        return clap.get_audio_features(
            inputs.input_features, torch.zeros(1, 1, dtype=torch.bool)
        ).pooler_output


def _clap(kind: str) -> tuple[transformers.ClapFeatureExtractor, nn.Module]:
    fused = kind == "clap-fused"
    fusion = {"enable_fusion": True, "fusion_type": "aff_2d"} if fused else {}
    config = transformers.ClapConfig(
        text_config=_TEXT, audio_config={**_SOUND, **fusion}, projection_dim=6
    )
    truncation = "fusion" if fused else "rand_trunc"
    extractor = transformers.ClapFeatureExtractor(**_MEL, truncation=truncation)
    return extractor, _drawn(transformers.ClapModel, config)


def _codec(
    kind: str,
) -> tuple[transformers.SequenceFeatureExtractor, nn.Module]:
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


def _drawn(model_class: type[nn.Module], config: object) -> nn.Module:
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
