"""Faults that come with transformers, planted in `wrapped_stock.py`."""

import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

from tests.checks.planted import ADAPTERS, LACKING, LEFT, TRAINING, UNSET
from tests.encoders.tiny import write_tiny

WRAPPED = Path(__file__).with_name("wrapped_stock.py")
LEVEL = "clip_level", "normalised as the files say"
PART_RATE = "clip_rate", "rates that its parts say"
PARTS = "stock_parts", "models as their folders say"
_MODEL = "self.model = Wav2Vec2Model.from_pretrained(HERE, **OFF)"
_LAST = "self.last = Rotary(PreTrainedConfig())\n"

# name: (family of the folder, what stands there, what comes in its place, the check)
FAULTS: dict[str, tuple[str, str, str, tuple[str, str]]] = {
    "buffer of remote code": (
        "wav2vec2",
        _LAST,
        _LAST + '        self.last.save_pretrained(HERE / "rotary")\n'
        '        self.last = Rotary.from_pretrained(HERE / "rotary")\n',
        UNSET,
    ),
    "normalisation missing": (
        "wav2vec2-large",
        "        audio = (audio - mean) / (variance + 1e-7).sqrt()\n",
        "",
        LEVEL,
    ),
    "normalisation missing before a group norm": (
        "wav2vec2",
        "        audio = (audio - mean) / (variance + 1e-7).sqrt()\n",
        "",
        LEVEL,
    ),
    "layer drop as configured": (
        "wav2vec2",
        '"layerdrop": 0.0',
        '"layerdrop": 0.1',
        TRAINING,
    ),
    "time masking as configured": (
        "wav2vec2",
        '"mask_time_prob": 0.0',
        '"mask_time_prob": 0.05',
        TRAINING,
    ),
    "another model's weights": ("wavlm", _MODEL, _MODEL, LEFT),
    "tensor dropped from the file": ("dropped", _MODEL, _MODEL, LACKING),
    "adapters on WavLM": (
        "wavlm",
        _MODEL,
        "from transformers import WavLMModel\n"
        "        self.model = WavLMModel.from_pretrained(HERE, **OFF)",
        ADAPTERS,
    ),
    "heads of another configuration": (
        "wav2vec2",
        '"layerdrop": 0.0',
        '"num_attention_heads": 1, "layerdrop": 0.0',
        PARTS,
    ),
    "activation of another configuration": (
        "wav2vec2",
        '"layerdrop": 0.0',
        '"hidden_act": "relu", "layerdrop": 0.0',
        PARTS,
    ),
    "rate of the folder": (
        "wav2vec2",
        "sampling_rate = 16_000",
        "sampling_rate = 8_000",
        PART_RATE,
    ),
}


def plant(folder: Path, name: str | None) -> str:
    """Write a model and a user's class around it, with a fault."""
    family, old, new, _ = FAULTS[name] if name else ("wav2vec2", "", "", "")
    write_tiny(folder, "wav2vec2" if family == "dropped" else family)
    if family == "dropped":
        path = folder / "model.safetensors"
        weights = load_file(path)
        del weights["encoder.layers.1.attention.q_proj.weight"]
        save_file(weights, path, {"format": "pt"})
    path = folder / WRAPPED.name
    shutil.copy(WRAPPED, path)
    if name:
        text = path.read_text()
        assert text.count(old) == 1, name
        path.write_text(text.replace(old, new))
    return f"{path}:MyEncoder"
