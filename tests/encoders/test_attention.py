"""Ways to attend and to run: each gives the same states, or is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import import_utils

from crossemo.encoders import EncoderError, HiddenStates, SSLEncoder, load_encoder
from crossemo.encoders.attention import attend, attention_of
from tests.encoders.clips import distance
from tests.encoders.conftest import TinyFolder
from tests.encoders.mapped import MAPPED
from tests.encoders.tiny import FAMILIES
from tests.encoders.tiny_embeddings import write_tiny

# What adds to the logits, or isn't transformers' own.
BIASED = ("wavlm", "conformer", "w2v-bert", *MAPPED)
# Their blocks are others' too, or word for word.
ALIKE = (
    *("hubert", "hubert-large", "mert", "mert-large", "wavlm-large", "conformer"),
    *("unispeech", "unispeech-sat", "musicfm"),
)


def batch(encoder: SSLEncoder) -> tuple[Tensor, Tensor]:
    longest = 3 * encoder.min_samples + 2000
    noise = torch.randn(3, longest, generator=torch.Generator().manual_seed(0))
    return 0.1 * noise, torch.tensor([longest - 500, encoder.min_samples, longest])


def valid(hidden: HiddenStates) -> Tensor:
    return hidden.states[:, hidden.mask]


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each call of torch's own attention."""
    calls: list[int] = []
    stock = functional.scaled_dot_product_attention

    def counted(*args: Any, **options: Any) -> Tensor:
        calls.append(1)
        return stock(*args, **options)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", counted)
    return calls


@pytest.mark.parametrize("family", FAMILIES)
def test_eager_attention_gives_the_states_of_sdpa(
    tiny_folder: TinyFolder, family: str, fused: list[int]
) -> None:
    folder = str(tiny_folder(family))
    sdpa, eager = load_encoder(folder), load_encoder(folder, attention="eager")
    fused.clear()
    states = valid(eager(*batch(eager)))
    assert not fused
    expected = valid(sdpa(*batch(sdpa)))
    assert fused
    assert distance(states, expected) <= 1e-6
    assert not torch.equal(states, expected)
    with torch.autocast("cpu", torch.bfloat16):
        rough = valid(eager(*batch(eager))).float()
    assert 1e-4 < distance(rough, states) < 0.05
    assert eager.fingerprint() == sdpa.fingerprint()


@pytest.mark.parametrize("family", ["wav2vec2", "wavlm", "conformer-large"])
def test_what_trains_under_eager_attention_gets_the_gradient_of_sdpa(
    tiny_folder: TinyFolder, family: str
) -> None:
    gradients = []
    for attention in ("sdpa", "eager"):
        encoder = load_encoder(str(tiny_folder(family)), "lora", attention=attention)
        torch.autograd.backward(valid(encoder(*batch(encoder))).square().sum())
        named = encoder.named_parameters()
        trained = [p.grad for _, p in named if p.requires_grad]
        assert all(gradient is not None for gradient in trained)
        gradients.append(torch.cat([g.flatten() for g in trained if g is not None]))
    assert distance(gradients[1], gradients[0]) <= 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_flash_attention_gets_the_mask_that_it_takes_or_is_refused(
    tiny_folder: TinyFolder, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(tiny_folder(family))
    monkeypatch.setattr(import_utils, "is_flash_attn_2_available", lambda: False)
    absent = "can't add" if family.startswith(BIASED) else "isn't installed here"
    with pytest.raises(EncoderError, match=absent):
        load_encoder(folder, attention="flash_attention_2")
    monkeypatch.setattr(import_utils, "is_flash_attn_2_available", lambda: True)
    if family.startswith(BIASED):
        with pytest.raises(EncoderError, match="choose sdpa or eager"):
            load_encoder(folder, attention="flash_attention_2")
        return
    calls: list[Tensor | None] = []

    def stand_in(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        **options: Any,
    ) -> tuple[Tensor, None]:
        calls.append(attention_mask)
        bias = torch.zeros(len(query), 1, 1, key.shape[2])
        if attention_mask is not None:
            bias = bias.masked_fill(~attention_mask[:, None, None, :], -torch.inf)
        scaled = query * options["scaling"] * query.shape[-1] ** 0.5
        return attend(scaled, key, value, bias).transpose(1, 2), None

    # Not registered for good: the interface is one for all models.
    assert isinstance(ALL_ATTENTION_FUNCTIONS, AttentionInterface)
    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS, "flash_attention_2", stand_in)
    flash, sdpa = (
        load_encoder(folder, attention="flash_attention_2"),
        load_encoder(folder),
    )
    waveforms, lengths = batch(sdpa)
    with pytest.raises(EncoderError, match="on a GPU and in half precision alone"):
        flash(waveforms, lengths)
    hidden = flash._states(waveforms, lengths.tolist())
    frames = hidden.mask.shape
    assert all(mask is None or mask.shape == frames for mask in calls)
    assert len(calls) >= flash.num_states - 1
    assert distance(valid(hidden), valid(sdpa(waveforms, lengths))) <= 1e-6


def test_adapters_are_written_and_merged_without_flash_attention(
    tiny_folder: TinyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_utils, "is_flash_attn_2_available", lambda: True)
    folder = str(tiny_folder("hubert"))
    encoder = load_encoder(folder, "lora", attention="flash_attention_2")
    adapters = encoder.adaptation.adapters
    assert adapters is not None
    adapters.save(tmp_path / "adapters")
    assert attention_of(encoder.merged()) == "sdpa"
    assert attention_of(encoder.model) == "flash_attention_2"


def test_what_nobody_knows_or_has_a_choice_of_is_refused(
    tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    codec = str(write_tiny(tmp_path, "encodec"))
    with pytest.raises(EncoderError, match="Unknown attention 'flex': choose sdpa"):
        load_encoder(str(tiny_folder("hubert")), attention="flex")  # type: ignore[arg-type]
    with pytest.raises(EncoderError, match="has one way to attend: leave eager out"):
        load_encoder(codec, for_distances=True, attention="eager")
    with pytest.raises(EncoderError, match="has no blocks to compile"):
        load_encoder(codec, for_distances=True, compile=True)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows with each graph that torch.compile makes; nothing is translated."""
    seen: list[Any] = []

    def keep(graph: Any, inputs: Any) -> Any:
        seen.append(graph)
        return graph.forward

    stock = nn.Module.compile
    monkeypatch.setattr(
        nn.Module,
        "compile",
        lambda self, **options: stock(self, backend=keep, **options),
    )
    torch._dynamo.reset()
    return seen


@pytest.mark.parametrize(
    "family",
    [pytest.param(f, marks=pytest.mark.slow if f in ALIKE else ()) for f in FAMILIES],
)
def test_compiled_blocks_give_the_same_states(
    tiny_folder: TinyFolder, family: str, graphs: list[Any]
) -> None:
    folder = str(tiny_folder(family))
    compiled, plain = load_encoder(folder, compile=True), load_encoder(folder)
    waveforms, lengths = batch(plain)
    states = valid(compiled(waveforms, lengths))
    assert graphs
    assert distance(states, valid(plain(waveforms, lengths))) <= 1e-6
    counts = []
    for fewer in (400, 200, 100):
        samples = waveforms.shape[1] - fewer
        compiled(waveforms[:, :samples], lengths.clamp(max=samples))
        counts.append(len(graphs))
    assert counts == counts[:1] * 3  # other lengths need no other graph
    assert compiled.state_dict().keys() == plain.state_dict().keys()


def test_blocks_that_cannot_be_compiled_are_said_to_be_so(
    tiny_folder: TinyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no compiler")

    stock = nn.Module.compile
    monkeypatch.setattr(
        nn.Module,
        "compile",
        lambda self, **options: stock(self, backend=fail, **options),
    )
    torch._dynamo.reset()
    encoder = load_encoder(str(tiny_folder("hubert")), compile=True)
    with pytest.raises(EncoderError, match=r"can't be compiled here .*no compiler"):
        encoder(*batch(encoder))
