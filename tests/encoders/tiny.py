import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import transformers

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

# As the published checkpoints have them: layer norm in the convolutions of the large
# models comes with a bias there and with stable layer norm in the blocks.
_LARGE = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
_CONFORMER = {"conv_depthwise_kernel_size": 5, "max_source_positions": 50}
_MODELS: dict[str, tuple[str, dict[str, object]]] = {
    "wav2vec2": ("Wav2Vec2", {}),
    "wav2vec2-large": ("Wav2Vec2", _LARGE),
    "hubert": ("Hubert", {}),
    "hubert-large": ("Hubert", _LARGE),
    "wavlm": ("WavLM", {"num_buckets": 32, "max_bucket_distance": 40}),
    "wavlm-large": ("WavLM", {"num_buckets": 32, "max_bucket_distance": 40, **_LARGE}),
    "data2vec": ("Data2VecAudio", {"conv_pos_kernel_size": 5}),
    "unispeech": ("UniSpeech", {}),
    "unispeech-sat": ("UniSpeechSat", {}),
    "conformer": (
        "Wav2Vec2Conformer",
        {"position_embeddings_type": "rotary", **_CONFORMER},
    ),
    "conformer-large": (
        "Wav2Vec2Conformer",
        {"position_embeddings_type": "relative", **_CONFORMER, **_LARGE},
    ),
    "mert": ("Hubert", {}),
    "mert-large": ("Hubert", {"do_stable_layer_norm": True}),
}
FAMILIES = tuple(_MODELS)
MIN_SAMPLES = 10 + 5 * (3 - 1) + 10 * (2 - 1)
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
    name, settings = _MODELS[family]
    fields = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "conv_dim": (8, 8, 8),
        "conv_kernel": (10, 3, 2),
        "conv_stride": (5, 2, 2),
        "num_conv_pos_embeddings": 5 if family == "data2vec" else 8,
        "num_conv_pos_embedding_groups": 2,
        "num_codevectors_per_group": 4,
        "codevector_dim": 8,
        "proj_codevector_dim": 8,
        "vocab_size": 5,
        **settings,
        **changes,
    }
    return getattr(transformers, f"{name}Config")(**fields)


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
    model = tiny_model(family, head, seed=seed, **changes)
    if family.startswith("mert"):
        _write_mert(folder, model)
    else:
        model.save_pretrained(folder)
    rate = 24000 if family.startswith("mert") else 16000
    extractor = transformers.Wav2Vec2FeatureExtractor(
        sampling_rate=rate, do_normalize=normalise
    )
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
