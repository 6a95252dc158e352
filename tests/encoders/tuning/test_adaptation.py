from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from crossemo.encoders import EncoderError, SSLEncoder, Tuning, load_encoder
from crossemo.encoders.tuning.adaptation import TUNINGS
from tests.encoders.conftest import TinyFolder
from tests.encoders.tiny import FAMILIES, write_tiny


def train_step(encoder: SSLEncoder) -> Tensor:
    waveforms, lengths = torch.randn(2, 1300), torch.tensor([1300, 1100])
    states: Tensor = encoder(waveforms, lengths).states
    torch.autograd.backward((states * torch.randn_like(states)).sum())
    return states


def trained(encoder: SSLEncoder) -> dict[str, Tensor]:
    return {key: p for key, p in encoder.named_parameters() if p.requires_grad}


def slopes(encoder: SSLEncoder) -> dict[str, Tensor]:
    gradients = {key: p.grad for key, p in trained(encoder).items()}
    return {key: slope for key, slope in gradients.items() if slope is not None}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tuning", ["lora", "houlsby", "bitfit", "full"])
def test_every_trained_parameter_gets_a_gradient(
    tiny_folder: TinyFolder, family: str, tuning: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)), tuning)  # type: ignore[arg-type]
    train_step(encoder)
    assert trained(encoder)
    assert slopes(encoder).keys() == trained(encoder).keys()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_frozen_encoder_trains_nothing(tiny_folder: TinyFolder, family: str) -> None:
    encoder = load_encoder(str(tiny_folder(family))).train()
    assert not trained(encoder)
    assert not any(module.training for module in encoder.modules())
    clip = torch.randn(1, 1300), torch.tensor([1300])
    states = encoder(*clip).states
    assert not states.requires_grad
    assert torch.equal(encoder(*clip).states, states)


# emotion2vec's are counted by themselves: one layer gives queries, keys and values.
@pytest.mark.parametrize("family", [one for one in FAMILIES if one != "emotion2vec"])
def test_adapters_sit_on_queries_and_values_and_act(
    tiny_folder: TinyFolder, family: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)), "lora", options={"r": 3})
    shapes = {
        key.partition("layers.")[2]: tuple(p.shape)
        for key, p in trained(encoder).items()
    }
    conformer = family.startswith(("conformer", "w2v-bert", "muq", "musicfm"))
    other = conformer or family == "whisper"
    attention = "self_attn" if other else "attention"
    assert shapes == {
        f"{block}.{attention}.{name}.lora_{matrix}.default.weight": shape
        for block in (0, 1)
        for name in (("linear_q", "linear_v") if conformer else ("q_proj", "v_proj"))
        for matrix, shape in (("A", (3, 16)), ("B", (16, 3)))
    }
    before = train_step(encoder)
    # B starts at zero: the adapter changes nothing yet, and only B has a slope.
    assert all(slope.any() for key, slope in slopes(encoder).items() if "lora_B" in key)
    frozen = load_encoder(str(tiny_folder(family)))
    waveforms, lengths = torch.randn(1, 1300), torch.tensor([1300])
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
        str(tiny_folder("wavlm")),
        "lora",
        options={"r": 4, "lora_alpha": 6, "lora_dropout": 0.5},
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
@pytest.mark.parametrize("option", [None, False, True])
def test_full_leaves_pretrained_convolutions_alone_unless_asked(
    tiny_folder: TinyFolder, family: str, option: bool | None
) -> None:
    encoder = load_encoder(
        str(tiny_folder(family)), "full", train_feature_extractor=option
    )
    frozen = {k for k, p in encoder.named_parameters() if not p.requires_grad}
    stable = {"model.encoder.layer_norm.weight", "model.encoder.layer_norm.bias"}
    expected = {
        key
        for key, _ in encoder.named_parameters()
        if key.startswith("model.feature_extractor") and not option
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


def test_bitfit_trains_the_biases(tiny_folder: TinyFolder) -> None:
    names = trained(load_encoder(str(tiny_folder("wav2vec2")), "bitfit")).keys()
    assert "model.encoder.layers.0.attention.q_proj.bias" in names
    assert all(name.endswith("bias") for name in names)
    assert not any(".feature_extractor." in name for name in names)


@pytest.mark.parametrize("family", FAMILIES)
def test_bottlenecks_change_nothing_at_first_and_act_when_trained(
    tiny_folder: TinyFolder, family: str
) -> None:
    name = str(tiny_folder(family))
    encoder = load_encoder(name, "houlsby", options={"size": 5})
    clip = torch.randn(1, 1300), torch.tensor([1300])
    frozen = load_encoder(name)(*clip).states
    torch.testing.assert_close(encoder(*clip).states, frozen)
    # Two blocks, two adapters each: 16 → 5 → 16 with biases.
    sizes = [p.numel() for p in trained(encoder).values()]
    assert sum(sizes) == 2 * 2 * (16 * 5 + 5 + 5 * 16 + 16)
    with torch.no_grad():
        for parameter in trained(encoder).values():
            parameter.normal_()
    assert (encoder(*clip).states[1:] - frozen[1:]).abs().max() > 0.1


@pytest.mark.parametrize(
    ("tuning", "options", "sentence"),
    [
        ("lora", {"rank": 3}, "LORA has no option 'rank': its options are"),
        ("lora", {"r": 0}, "peft can't add lora: .*positive integer"),
        ("peft", {}, "peft has no method 'peft': set peft.peft_type to one of"),
        ("peft", {"peft_type": "nonsense"}, "peft has no method 'NONSENSE'"),
        ("houlsby", {"r": 3}, "houlsby has no option 'r': its options are size"),
        ("houlsby", {"size": 0}, "bottleneck is 0: choose 1 or more"),
        ("frozen", {"r": 3}, "frozen has no option 'r': it has none"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(
    tiny_folder: TinyFolder, tuning: Tuning, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(EncoderError, match=sentence):
        load_encoder(str(tiny_folder("wav2vec2")), tuning, options=options)


def test_the_command_line_knows_every_method() -> None:
    assert get_args(Tuning) == TUNINGS
