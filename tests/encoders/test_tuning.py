import pytest
import torch
from torch import Tensor

from crossemo.encoders import SSLEncoder, load_encoder
from tests.encoders.conftest import TinyFolder
from tests.encoders.tiny import FAMILIES, write_tiny


def train_step(encoder: SSLEncoder) -> Tensor:
    waveforms, lengths = torch.randn(2, 900), torch.tensor([900, 400])
    states: Tensor = encoder(waveforms, lengths).states
    torch.autograd.backward((states * torch.randn_like(states)).sum())
    return states


def trained(encoder: SSLEncoder) -> dict[str, Tensor]:
    return {key: p for key, p in encoder.named_parameters() if p.requires_grad}


def slopes(encoder: SSLEncoder) -> dict[str, Tensor]:
    found = {key: p.grad for key, p in trained(encoder).items()}
    return {key: slope for key, slope in found.items() if slope is not None}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_every_trained_parameter_gets_a_gradient(
    tiny_folder: TinyFolder, family: str, tuning: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)), tuning)  # type: ignore[arg-type]
    train_step(encoder)
    assert trained(encoder)
    assert slopes(encoder).keys() == trained(encoder).keys()


def test_a_frozen_encoder_trains_nothing(tiny_folder: TinyFolder) -> None:
    assert not trained(load_encoder(str(tiny_folder("hubert"))))


@pytest.mark.parametrize("family", FAMILIES)
def test_adapters_sit_on_queries_and_values_and_act(
    tiny_folder: TinyFolder, family: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)), "lora", lora_rank=3)
    shapes = {
        key.removeprefix("model.encoder.layers."): tuple(p.shape)
        for key, p in trained(encoder).items()
    }
    assert shapes == {
        f"{block}.attention.{name}.lora_{matrix}.default.weight": shape
        for block in (0, 1)
        for name in ("q_proj", "v_proj")
        for matrix, shape in (("A", (3, 16)), ("B", (16, 3)))
    }
    before = train_step(encoder)
    # B starts at zero: the adapter changes nothing yet, and only B has a slope.
    assert all(slope.any() for key, slope in slopes(encoder).items() if "lora_B" in key)
    frozen = load_encoder(str(tiny_folder(family)))
    waveforms, lengths = torch.randn(1, 900), torch.tensor([900])
    torch.testing.assert_close(
        encoder(waveforms, lengths).states, frozen(waveforms, lengths).states
    )
    with torch.no_grad():
        for key, parameter in trained(encoder).items():
            if "lora_B" in key:
                parameter.normal_()
    after = encoder(waveforms, lengths).states
    assert before.requires_grad
    assert (after[1:] - frozen(waveforms, lengths).states[1:]).abs().max() > 0.1
    encoder.zero_grad()
    train_step(encoder)
    assert all(slope.any() for slope in slopes(encoder).values())


def test_alpha_over_rank_scales_an_adapter(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(
        str(tiny_folder("wavlm")), "lora", lora_rank=4, lora_alpha=6, lora_dropout=0.5
    )
    adapter = encoder.model.encoder.layers[0].attention.q_proj
    assert adapter.scaling["default"] == 1.5
    assert adapter.lora_dropout["default"].p == 0.5


def test_adapters_start_alike_everywhere(tiny_folder: TinyFolder) -> None:
    name = str(tiny_folder("wav2vec2"))
    state = torch.get_rng_state()
    one, same, other = (
        trained(load_encoder(name, "lora", seed=seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("family", ["wav2vec2", "hubert-large", "data2vec"])
@pytest.mark.parametrize("asked", [None, False, True])
def test_full_leaves_pretrained_convolutions_alone_unless_asked(
    tiny_folder: TinyFolder, family: str, asked: bool | None
) -> None:
    encoder = load_encoder(
        str(tiny_folder(family)), "full", train_feature_extractor=asked
    )
    frozen = {k for k, p in encoder.named_parameters() if not p.requires_grad}
    stable = {"model.encoder.layer_norm.weight", "model.encoder.layer_norm.bias"}
    expected = {
        key
        for key, _ in encoder.named_parameters()
        if key.startswith("model.feature_extractor") and not asked
    }
    assert frozen == expected | (stable if family == "hubert-large" else set())


def test_an_adapter_above_the_last_block_is_not_trained(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = write_tiny(
        tmp_path_factory.mktemp("adapter"),
        "wav2vec2",
        add_adapter=True,
        num_adapter_layers=1,
        output_hidden_size=16,
    )
    encoder = load_encoder(str(folder), "full")
    train_step(encoder)
    assert any(".adapter." in key for key, _ in encoder.named_parameters())
    assert slopes(encoder).keys() == trained(encoder).keys()
