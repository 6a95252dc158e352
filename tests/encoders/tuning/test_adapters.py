import pytest
import torch
from torch import Tensor

from crossemo.encoders import EncoderError, SSLEncoder, load_encoder
from crossemo.encoders.tuning.adapters import Adapters
from crossemo.encoders.tuning.recipes import RECIPES
from tests.encoders.conftest import TinyFolder
from tests.encoders.tiny import ONE_EACH

METHODS = sorted(RECIPES)
# Of AdaLoRA's peft trains one only; a norm has one copy in its place.
STACKED = sorted(RECIPES.keys() - {"adalora", "ln_tuning"})
CLIP = torch.randn(1, 1100, generator=torch.Generator().manual_seed(0))
# VB-LoRA begins with a small random mixture of its bank's vectors.
AT_FIRST = {"vblora": 0.05}


def states(encoder: SSLEncoder) -> Tensor:
    with torch.no_grad():
        hidden: Tensor = encoder(CLIP, torch.tensor([CLIP.shape[1]])).states
        return hidden


def shake(encoder: SSLEncoder, seed: int = 1) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.requires_grad:
                parameter.add_(
                    torch.randn(parameter.shape, generator=generator), alpha=0.05
                )


def adapters(encoder: SSLEncoder) -> Adapters:
    assert encoder.adaptation.adapters is not None
    return encoder.adaptation.adapters


def anew(encoder: SSLEncoder, way: str) -> None:
    adapters(encoder).begin("second", way)  # type: ignore[arg-type]
    encoder.train_only(encoder.adaptation.tuned())


@pytest.mark.parametrize("family", [*ONE_EACH, "hubert-large"])
@pytest.mark.parametrize("method", METHODS)
def test_a_method_changes_nothing_at_first_and_trains_all_it_says(
    tiny_folder: TinyFolder, method: str, family: str
) -> None:
    name = str(tiny_folder(family))
    encoder = load_encoder(name, method).eval()  # type: ignore[arg-type]
    before = states(load_encoder(name).eval())
    first = AT_FIRST.get(method, 1e-5)
    torch.testing.assert_close(states(encoder), before, rtol=0, atol=first)
    hidden = encoder(CLIP, torch.tensor([CLIP.shape[1]])).states
    torch.autograd.backward((hidden * torch.randn_like(hidden)).sum())
    trained = {k: p for k, p in encoder.named_parameters() if p.requires_grad}
    assert trained
    assert [key for key, p in trained.items() if p.grad is None] == []
    shake(encoder)
    assert (states(encoder) - before)[1:].abs().max() > 1e-4


@pytest.mark.parametrize("family", ONE_EACH)
@pytest.mark.parametrize("method", METHODS)
def test_merging_changes_the_features_by_rounding_only(
    tiny_folder: TinyFolder, family: str, method: str
) -> None:
    encoder = load_encoder(str(tiny_folder(family)), method).eval()  # type: ignore[arg-type]
    shake(encoder)
    before = states(encoder)
    anew(encoder, "merge")
    first = AT_FIRST.get(method, 1e-5)
    torch.testing.assert_close(states(encoder), before, rtol=0, atol=first)
    assert adapters(encoder).names == ["second"]


def test_merged_weights_are_rounded_once(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")), "lora").eval()
    shake(encoder)
    own = {k: p.detach().double() for k, p in encoder.model.named_parameters()}
    ends = ("base_layer.weight", "lora_A.default.weight", "lora_B.default.weight")
    merged = dict(encoder.merged().named_parameters())
    places = [name.removesuffix(ends[1]) for name in own if name.endswith(ends[1])]
    assert places
    for place in places:
        weight, first, second = (own[f"{place}{end}"] for end in ends)
        exact = weight + 16 / 8 * second @ first  # alpha over the rank
        assert merged[f"{place}weight"].equal(exact.float())


@pytest.mark.parametrize("method", STACKED)
def test_a_second_adapter_acts_beside_the_first_and_trains_alone(
    tiny_folder: TinyFolder, method: str
) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")), method).eval()  # type: ignore[arg-type]
    shake(encoder)
    before = states(encoder)
    first = {k for k, p in encoder.named_parameters() if p.requires_grad}
    anew(encoder, "add")
    close = AT_FIRST.get(method, 1e-5)
    torch.testing.assert_close(states(encoder), before, rtol=0, atol=close)
    second = {k for k, p in encoder.named_parameters() if p.requires_grad}
    assert second
    if method != "vblora":  # whose bank both share
        assert not first & second


def test_adalora_can_not_be_stacked(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")), "adalora")
    with pytest.raises(
        EncoderError, match=r"can't add adalora: .* 1 trainable adapter"
    ):
        anew(encoder, "add")


def test_norms_can_not_be_stacked(tiny_folder: TinyFolder) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")), "ln_tuning")
    with pytest.raises(EncoderError, match="ln_tuning can't be stacked"):
        anew(encoder, "add")


def test_adalora_prunes_to_its_budget_and_remembers(tiny_folder: TinyFolder) -> None:
    name = str(tiny_folder("wav2vec2"))
    options = {"init_r": 6, "target_r": 2}
    encoder = load_encoder(name, "adalora", options=options)
    adapters(encoder).plan(20)
    optimizer = torch.optim.SGD(
        [p for p in encoder.parameters() if p.requires_grad], lr=0.1
    )
    for step in range(20):
        optimizer.zero_grad()
        hidden = encoder(CLIP, torch.tensor([CLIP.shape[1]])).states
        torch.autograd.backward(hidden.square().sum() / hidden.numel() * (1 + step))
        optimizer.step()
        adapters(encoder).after_step()
    ranks = [
        int((p != 0).sum()) for k, p in encoder.named_parameters() if "lora_E" in k
    ]
    assert len(ranks) == 4
    assert sum(ranks) == 4 * 2  # two blocks, q and v, a mean rank of 2
    other = load_encoder(name, "adalora", options=options)
    adapters(other).load_state(adapters(encoder).state())
    assert adapters(other).state()["taken"] == 20
    assert adapters(other).state()["pattern"] == adapters(encoder).state()["pattern"]


def test_a_full_config_of_peft_can_be_given(tiny_folder: TinyFolder) -> None:
    options = {"peft_type": "lora", "r": 2, "target_modules": ["k_proj"], "bias": "all"}
    encoder = load_encoder(str(tiny_folder("wav2vec2")), "peft", options=options)
    trained = {k for k, p in encoder.named_parameters() if p.requires_grad}
    assert {k for k in trained if "lora_" in k} == {
        f"model.encoder.layers.{block}.attention.k_proj.lora_{matrix}.default.weight"
        for block in (0, 1)
        for matrix in "AB"
    }
    assert "model.encoder.layers.1.attention.out_proj.bias" in trained


def test_adapters_of_a_checkpoint_replace_those_at_hand(
    tiny_folder: TinyFolder,
) -> None:
    encoder = load_encoder(str(tiny_folder("wav2vec2")), "lora").eval()
    shake(encoder)
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    features, state = states(encoder), adapters(encoder).state()
    anew(encoder, "add")
    shake(encoder)
    adapters(encoder).load_state(state)
    encoder.load_state_dict(before)  # strict: the same names again
    torch.testing.assert_close(states(encoder), features)
