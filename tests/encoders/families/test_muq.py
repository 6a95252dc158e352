import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from crossemo.encoders import EncoderError, encoder_facts, load_encoder
from crossemo.encoders.families import find_family
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.families.muq import FAMILY
from tests.encoders.mapped import CONFIGS, frequencies, write_mapped
from tests.encoders.tiny import edit_config

# As public code has the published one's; whatever is left out says the same.
PUBLISHED: dict[str, Any] = {
    "codebook_size": 4096,
    "encoder_depth": 12,
    "encoder_dim": 1024,
    "label_rate": 25,
    "stat": {
        "melspec_2048_mean": 6.768444971712967,
        "melspec_2048_std": 18.417922652295623,
    },
    "w2v2_config": {
        "conv_depthwise_kernel_size": 31,
        "hidden_act": "swish",
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "model_type": "wav2vec2-conformer",
        "num_attention_heads": 16,
        "num_hidden_layers": 24,
        "position_embeddings_type": "rotary",
        "torch_dtype": "float32",
    },
}


def test_it_is_known_by_its_config_that_names_no_type(tmp_path: Path) -> None:
    assert "model_type" not in CONFIGS["muq"]
    assert find_family(None, CONFIGS["muq"]) is FAMILY
    assert find_family(None, {"hidden_size": 4, "": 1}) is None
    write_mapped(tmp_path, "muq")
    assert encoder_facts(str(tmp_path)) == (24_000, 1025)


def test_the_published_one_has_the_shape_that_its_package_builds() -> None:
    files = EncoderFiles("x", PUBLISHED, {})
    build, config = FAMILY.architecture(files, dropout=False)
    with torch.device("meta"):
        model = build(config)
    FAMILY.adjust(model)
    # As many as muq 0.1.0 builds, without heads, token and the convolution not called
    assert sum(parameter.numel() for parameter in model.parameters()) == 316_343_296
    assert FAMILY.width(model) == 1024
    assert len(FAMILY.blocks(model)) == 12
    assert FAMILY.count_frames(model, [24_000, 720_000]) == [25, 750]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label_rate": 75}, "makes 75 frames a second of 16 bands: crossemo knows"),
        ({"n_mels": 18}, "makes 50 frames a second of 18 bands"),
        ({"stat": {}}, "can't be loaded .*melspec_2048_mean"),
        ({"w2v2_config": {"num_attention_heads": "x"}}, "w2v2_config.num_attention_h"),
        ({"encoder_depth": 3}, "the file lacks encoder.layers.2"),
        ({"n_mels": 32}, "has in another shape conv.linear.weight"),
    ],
)
def test_what_it_can_not_be_is_refused(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    write_mapped(tmp_path, "muq")
    edit_config(tmp_path, **changes)
    with pytest.raises(EncoderError, match=sentence):
        load_encoder(str(tmp_path))


def test_other_positions_than_its_config_makes_are_refused(tmp_path: Path) -> None:
    path = write_mapped(tmp_path, "muq") / "model.safetensors"
    stored = load_file(path)
    key = "model.conformer.embed_positions.inv_freq"
    save_file(stored | {key: frequencies() * 1.01}, path)
    with pytest.raises(EncoderError, match=f"{key} in .* isn't what its config.json"):
        load_encoder(str(tmp_path))
    del stored[key]
    save_file(stored, path)
    load_encoder(str(tmp_path))
    config = json.loads((tmp_path / "config.json").read_text())
    config["w2v2_config"]["rotary_embedding_base"] = 5000
    save_file(stored | {key: frequencies()}, path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match=f"{key} in .* isn't what its config.json"):
        load_encoder(str(tmp_path))
