import json
from pathlib import Path

import pytest
import torch
import yaml

from crossemo.encoders import EncoderError, encoder_facts, load_encoder
from crossemo.encoders.families.base import EncoderFiles
from crossemo.encoders.families.emotion2vec import FAMILY
from tests.encoders.clips import distance
from tests.encoders.forward import mapped_states
from tests.encoders.mapped import CONFIGS, published, write_mapped

CONFIG = CONFIGS["emotion2vec"]
AUDIO = CONFIG["modalities"]["audio"]
# As FunASR's config.yaml of emotion2vec_base has them.
PUBLISHED = {
    **CONFIG,
    **{"depth": 8, "embed_dim": 768, "mlp_ratio": 4.0, "num_heads": 12},
    "modalities": {
        "audio": {
            **AUDIO,
            **{"conv_pos_depth": 5, "conv_pos_groups": 16, "conv_pos_width": 95},
            **{"num_extra_tokens": 10, "prenet_depth": 4},
            "feature_encoder_spec": (
                "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]"
            ),
        }
    },
}


def write_funasr(folder: Path) -> None:
    """Write what lies in the published repositories."""
    conf = {key: value for key, value in CONFIG.items() if key != "model_type"}
    content = {"model": "Emotion2vec", "model_conf": conf, "tokenizer": "CharTokenizer"}
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    torch.save(published("emotion2vec"), folder / "model.pt")


def test_a_repository_of_funasr_is_read_as_it_is(tmp_path: Path) -> None:
    write_funasr(tmp_path)
    assert encoder_facts(str(tmp_path)) == (16_000, 30)
    (tmp_path / "json").mkdir()
    expected = load_encoder(str(write_mapped(tmp_path / "json", "emotion2vec")))
    clip = torch.randn(1, 3000), torch.tensor([3000])
    states = load_encoder(str(tmp_path))(*clip).states
    assert torch.equal(states, expected(*clip).states)


@pytest.mark.parametrize(
    "text",
    [
        *("- a list\n", "model: Emotion2vec\n", "{", "model: X\nmodel_conf: 3\n"),
        "model: &a [x]\nmodel_conf: {a: *a}\n",
    ],
)
def test_a_broken_config_yaml_is_refused(tmp_path: Path, text: str) -> None:
    write_funasr(tmp_path)
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(EncoderError, match=r"Can't read .*config\.yaml"):
        load_encoder(str(tmp_path))


def test_the_published_one_has_the_shape_that_funasr_builds() -> None:
    build, config = FAMILY.architecture(EncoderFiles("x", PUBLISHED, {}), dropout=False)
    with torch.device("meta"):
        model = build(config)
    # As many as FunASR 1.4.16 builds of this configuration, without its classifier
    assert sum(parameter.numel() for parameter in model.parameters()) == 93_171_212
    assert len(FAMILY.blocks(model)) == 12
    assert FAMILY.min_samples(EncoderFiles("x", PUBLISHED, {})) == 400
    assert FAMILY.count_frames(model, [16_000]) == [49]


@pytest.mark.parametrize(
    "changes",
    [
        {"layer_norm_first": True},
        {"norm_affine": False},
        {"normalize": False},
        {"modalities": {"audio": AUDIO | {"num_alibi_heads": 1}}},
        {"modalities": {"audio": AUDIO | {"conv_pos_pre_ln": True}}},
        {"modalities": {"audio": AUDIO | {"extractor_mode": "default"}}},
        {"modalities": {"audio": AUDIO | {"learned_alibi_scale_per_layer": True}}},
        {"modalities": {"audio": AUDIO | {"use_alibi_encoder": False}}},
    ],
)
def test_what_no_published_one_does_is_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    write_mapped(tmp_path, "emotion2vec")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | changes))
    with pytest.raises(EncoderError, match="and crossemo knows emotion2vec with"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("epsilon", [0.0, -1e-5, 1])
def test_norms_without_an_epsilon_are_refused(tmp_path: Path, epsilon: float) -> None:
    write_mapped(tmp_path, "emotion2vec")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"norm_eps": epsilon}))
    with pytest.raises(EncoderError, match=r"norm_eps: .* a number between 0 and 1"):
        load_encoder(str(tmp_path))


def test_a_sum_of_absurdly_many_convolutions_is_refused(tmp_path: Path) -> None:
    write_mapped(tmp_path, "emotion2vec")
    many = {"feature_encoder_spec": f"[(8, 3, 2)] * {10**12}"}
    config = CONFIG | {"modalities": {"audio": AUDIO | many}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match=r"the convolutions of .* can't be read"):
        load_encoder(str(tmp_path))


def test_a_quiet_clip_is_normalised_as_funasr_does(tmp_path: Path) -> None:
    encoder = load_encoder(str(write_mapped(tmp_path, "emotion2vec")))
    clip = 2e-3 * torch.randn(1, 2000, generator=torch.Generator().manual_seed(0))
    states = encoder(clip, torch.tensor([2000])).states[:, 0]
    assert distance(states, mapped_states("emotion2vec", clip[0])) < 2e-6


def test_adapters_sit_on_the_layer_that_gives_queries_and_values(
    tmp_path: Path,
) -> None:
    folder = str(write_mapped(tmp_path, "emotion2vec"))
    encoder = load_encoder(folder, "lora", options={"r": 3})
    trained = {key: p for key, p in encoder.named_parameters() if p.requires_grad}
    assert {key: tuple(p.shape) for key, p in trained.items()} == {
        f"model.encoder.{block}.attn.qkv.lora_{matrix}.default.weight": shape
        for block in ("context.0", "layers.0")
        for matrix, shape in (("A", (3, 16)), ("B", (48, 3)))
    }
    clip = torch.randn(1, 2000), torch.tensor([2000])
    before = encoder(*clip).states
    with torch.no_grad():
        for key, parameter in trained.items():
            if "lora_B" in key:
                parameter.normal_()
    difference = (encoder(*clip).states - before).abs()
    assert difference[0].max() == 0
    assert difference[1:].amax((1, 2, 3)).min() > 0.1
