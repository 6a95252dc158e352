import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers

from tests.encoders.mapped import MAPPED, write_mapped

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

# Of those that hear waveforms through convolutions, in transformers' names.
_WAVES: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 3, 2),
    "conv_stride": (5, 2, 2),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "num_codevectors_per_group": 4,
    "codevector_dim": 8,
    "proj_codevector_dim": 8,
    "vocab_size": 5,
}
# As the published checkpoints have them: layer norm in the convolutions of the large
# models comes with a bias there and with stable layer norm in the blocks.
_STABLE = {**_WAVES, "do_stable_layer_norm": True}
_LARGE = {**_STABLE, "feat_extract_norm": "layer", "conv_bias": True}
_BUCKETS = {"num_buckets": 32, "max_bucket_distance": 40}
_CONFORMER = {"conv_depthwise_kernel_size": 5, "max_source_positions": 50}
_BLOCKS = {
    name: _WAVES[name]
    for name in (
        *("hidden_size", "intermediate_size"),
        *("num_hidden_layers", "num_attention_heads"),
    )
}
_BERT = {**_BLOCKS, **_CONFORMER, "feature_projection_input_dim": 16, "vocab_size": 5}
_WHISPER = {  # windows of a second
    **{"d_model": 16, "num_mel_bins": 8, "max_source_positions": 50},
    **{"encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 24},
    **{"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 24},
    **{"vocab_size": 5, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
}
_AST = {  # windows of seven spectra, of which patches cover six
    **_BLOCKS,
    **{"num_mel_bins": 8, "max_length": 7, "patch_size": 2},
    **{"frequency_stride": 3, "time_stride": 2},
}
_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "wav2vec2": ("Wav2Vec2", _WAVES),
    "wav2vec2-large": ("Wav2Vec2", _LARGE),
    "hubert": ("Hubert", _WAVES),
    "hubert-large": ("Hubert", _LARGE),
    "wavlm": ("WavLM", _WAVES | _BUCKETS),
    "wavlm-large": ("WavLM", _LARGE | _BUCKETS),
    "data2vec": (
        "Data2VecAudio",
        _WAVES | {"conv_pos_kernel_size": 5, "num_conv_pos_embeddings": 5},
    ),
    "unispeech": ("UniSpeech", _WAVES),
    "unispeech-sat": ("UniSpeechSat", _WAVES),
    "conformer": (
        "Wav2Vec2Conformer",
        {**_WAVES, **_CONFORMER, "position_embeddings_type": "rotary"},
    ),
    "conformer-large": (
        "Wav2Vec2Conformer",
        {**_LARGE, **_CONFORMER, "position_embeddings_type": "relative"},
    ),
    "mert": ("Hubert", _WAVES),
    "mert-large": ("Hubert", _STABLE),
    "w2v-bert": ("Wav2Vec2Bert", _BERT),
    "whisper": ("Whisper", _WHISPER),
    "ast": ("AST", _AST),
}
FAMILIES = (*_MODELS, *MAPPED)
ONE_EACH = tuple(one for one in FAMILIES if not one.endswith("-large"))
SPECTRAL = ("w2v-bert", "whisper", "ast")  # what hears spectrograms
MIN_SAMPLES = 10 + 5 * (3 - 1) + 10 * (2 - 1)  # of those that hear waveforms
# What MERT's config.json says besides HuBERT's fields.
_MERT = {
    "architectures": ["MERTModel"],
    "attention_relax": 32.0,
    "auto_map": {"AutoModel": "modeling_MERT.MERTModel"},
    "deepnorm": False,
    "feature_extractor_cqt": False,
    "feature_extractor_cqt_bins": 84,
    "model_type": "mert_model",
    "sample_rate": 24000,
    "tokenizer_class": "Wav2Vec2CTCTokenizer",
}


def tiny_config(family: str, **changes: object) -> "PreTrainedConfig":
    name, fields = _MODELS[family]
    return getattr(transformers, f"{name}Config")(**{**fields, **changes})


def tiny_extractor(
    family: str, config: "PreTrainedConfig", *, normalise: bool = True
) -> Any:
    if family == "w2v-bert":
        bins = config.feature_projection_input_dim // 2
        return transformers.SeamlessM4TFeatureExtractor(bins, num_mel_bins=bins)
    if family == "whisper":
        return transformers.WhisperFeatureExtractor(config.num_mel_bins, chunk_length=1)
    if family == "ast":
        return transformers.ASTFeatureExtractor(
            num_mel_bins=config.num_mel_bins,
            max_length=config.max_length,
            mean=-5.0,
            std=3.0,
        )
    return transformers.Wav2Vec2FeatureExtractor(
        sampling_rate=24000 if family.startswith("mert") else 16000,
        do_normalize=normalise,
    )


def tiny_model(
    family: str, head: str = "Model", *, seed: int = 0, **changes: object
) -> "PreTrainedModel":
    config = tiny_config(family, **changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, _MODELS[family][0] + head)(config)
        with torch.no_grad():  # initial zeros and ones would hide mistakes
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


def write_tiny(
    folder: Path,
    family: str,
    head: str = "Model",
    *,
    normalise: bool = True,
    seed: int = 0,
    **changes: object,
) -> Path:
    if family in MAPPED:
        return write_mapped(folder, family, seed)
    model = tiny_model(family, head, seed=seed, **changes)
    if family.startswith("mert"):
        _write_mert(folder, model)
    else:
        model.save_pretrained(folder)
    extractor = tiny_extractor(family, model.config, normalise=normalise)
    extractor.save_pretrained(folder)
    return folder


def edit_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _write_mert(folder: Path, model: "PreTrainedModel") -> None:
    names = {"original0": "weight_g", "original1": "weight_v"}
    weights = {}
    for key, tensor in model.state_dict().items():
        stem, _, last = key.rpartition(".")
        stem = stem.removesuffix(".parametrizations.weight")
        weights[f"{stem}.{names.get(last, last)}"] = tensor
    config = model.config.to_dict()
    for absent in ("conv_pos_batch_norm", "dtype"):
        config.pop(absent)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(config | _MERT))
