"""What plain peft makes of saved adapters: the same model, or nothing."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from crossemo.encoders import SSLEncoder, load_encoder
from crossemo.encoders.tuning import peft_files
from tests.encoders.conftest import TinyFolder
from tests.encoders.mapped import MAPPED
from tests.encoders.tiny import ONE_EACH
from tests.encoders.tuning.test_adapters import (
    CLIP,
    METHODS,
    STACKED,
    adapters,
    anew,
    shake,
    states,
)

# Methods whose change of a weight is the same wherever it acts, so that one that was
# merged, or that acts beside another, can be said as a LoRA of some rank.
SUMS = sorted(set(METHODS) - {"ia3"})  # which scales biases too


def plain(encoder: SSLEncoder, base: Path, folder: Path) -> Tensor:
    """Return what stock transformers and plain peft make of a folder."""
    from peft import PeftModel
    from transformers import AutoModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft's own
        model = PeftModel.from_pretrained(AutoModel.from_pretrained(base), str(folder))
    clip = CLIP
    if encoder.normalised:
        clip = (CLIP - CLIP.mean()) / (CLIP.var(correction=0) + 1e-7).sqrt()
    with torch.no_grad():
        hidden = model.eval()(clip, output_hidden_states=True).hidden_states
    return torch.stack(hidden[:-1])  # stock models normalise the last one once more


def alike(encoder: SSLEncoder, base: Path, folder: Path) -> float:
    ours = states(encoder)[:-1]
    return float((plain(encoder, base, folder) - ours).norm() / ours.norm())


@pytest.mark.parametrize(
    ("method", "way"),
    [(method, way) for method in METHODS for way in ("continue", "merge")]
    + [(method, "add") for method in STACKED],
)
def test_plain_peft_loads_the_model_or_refuses(
    tiny_folder: TinyFolder, tmp_path: Path, method: str, way: str
) -> None:
    base = tiny_folder("wav2vec2-large")  # without group norm, as stock models pad
    encoder = load_encoder(str(base), method).eval()  # type: ignore[arg-type]
    shake(encoder)
    anew(encoder, way)
    shake(encoder)
    before = states(encoder)
    adapters(encoder).save(tmp_path / "saved")
    assert torch.equal(states(encoder), before)
    assert all(path.is_file() for path in (tmp_path / "saved").iterdir())
    if method in SUMS or way == "continue":
        assert alike(encoder, base, tmp_path / "saved") < 1e-5
    else:
        with pytest.raises(KeyError, match="the run's checkpoint holds the whole"):
            plain(encoder, base, tmp_path / "saved")


@pytest.mark.parametrize(
    "family",
    # Of these transformers has no class; WavLM's reads weights and calls no module.
    [one for one in ONE_EACH if one not in ("mert", "wavlm", *MAPPED)],
)
def test_plain_peft_puts_it_on_the_stock_model_of_every_family(
    tiny_folder: TinyFolder, tmp_path: Path, family: str
) -> None:
    from peft import PeftModel
    from transformers import AutoModel

    encoder = load_encoder(str(tiny_folder(family)), "lora").eval()
    shake(encoder)
    adapters(encoder).save(tmp_path / "saved")
    stock: Any = AutoModel.from_pretrained(tiny_folder(family))
    stock = stock.encoder if family == "whisper" else stock
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft's own
        merged = PeftModel.from_pretrained(stock, str(tmp_path / "saved"))
    weights = merged.merge_and_unload().state_dict()
    for key, tensor in encoder.merged().state_dict().items():
        torch.testing.assert_close(weights[key], tensor, rtol=1e-5, atol=1e-6)
    fresh = load_encoder(str(tiny_folder(family))).model.state_dict()
    changed = [key for key, tensor in fresh.items() if not tensor.equal(weights[key])]
    assert len(changed) == 2 * 2  # queries and values of two blocks


@pytest.mark.parametrize("which", ["all", "linear"])
def test_an_encoder_that_was_trained_itself_is_said_or_refused(
    tiny_folder: TinyFolder, tmp_path: Path, which: str
) -> None:
    base = tiny_folder("wav2vec2-large")
    encoder = load_encoder(str(base), "lora").eval()
    names = encoder.adaptation.everything()
    if which == "linear":
        names = {name for name in names if name.endswith("k_proj.weight")}
    encoder.train_only(names)
    shake(encoder)
    anew(encoder, "continue")
    shake(encoder)
    adapters(encoder).save(tmp_path / "saved")
    if which == "linear":  # as a LoRA of full rank
        assert alike(encoder, base, tmp_path / "saved") < 1e-5
    else:
        with pytest.raises(KeyError, match="LORA, but beside the encoder as published"):
            plain(encoder, base, tmp_path / "saved")


def test_the_ranks_of_adapters_add_up(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    encoder = load_encoder(
        str(tiny_folder("wav2vec2")), "lora", options={"r": 2}
    ).eval()
    for number, way in enumerate(("continue", "merge", "add")):
        adapters(encoder).begin(f"stage{number}", way)  # type: ignore[arg-type]
        encoder.train_only(encoder.adaptation.tuned())
        shake(encoder, seed=number)  # of other directions than before
    adapters(encoder).save(tmp_path / "saved")
    tensors = load_file(tmp_path / "saved" / "adapter_model.safetensors")
    downs = [value for key, value in tensors.items() if "lora_A" in key]
    assert [value.shape for value in downs] == [(6, 16)] * 4  # blocks, q and v


def test_what_was_merged_before_a_checkpoint_is_in_the_file_too(
    tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    base = tiny_folder("wav2vec2-large")
    encoder = load_encoder(str(base), "lora").eval()
    shake(encoder)
    anew(encoder, "merge")
    shake(encoder)
    again = load_encoder(str(base), "lora").eval()
    adapters(again).load_state(adapters(encoder).state())
    again.load_state_dict(encoder.state_dict())
    adapters(again).save(tmp_path / "saved")
    assert alike(encoder, base, tmp_path / "saved") < 1e-5


def test_what_reads_back_as_another_model_is_refused_whatever_the_reason(
    tiny_folder: TinyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_folder("wav2vec2-large")
    encoder = load_encoder(str(base), "lora").eval()
    shake(encoder)
    anew(encoder, "merge")
    exact = peft_files._factors

    def wrong(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        up, down = exact(before, after)
        return up, 1.01 * down

    monkeypatch.setattr(peft_files, "_factors", wrong)
    adapters(encoder).save(tmp_path / "saved")
    with pytest.raises(KeyError, match="the run's checkpoint holds the whole"):
        plain(encoder, base, tmp_path / "saved")


@pytest.mark.parametrize("way", ["continue", "merge"])
def test_where_stock_models_call_no_projection_the_file_says_so(
    tiny_folder: TinyFolder, tmp_path: Path, way: str
) -> None:
    import json

    from peft import PeftModel
    from transformers import AutoModel

    base = tiny_folder("wavlm-large")
    encoder = load_encoder(str(base), "lora").eval()
    shake(encoder)
    anew(encoder, way)
    shake(encoder)
    adapters(encoder).save(tmp_path / "saved")
    with pytest.raises(KeyError, match="write LORA here again and merge_and_unload"):
        plain(encoder, base, tmp_path / "saved")
    path = tmp_path / "saved" / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"peft_type": "LORA"}))
    assert alike(encoder, base, tmp_path / "saved") > 1e-3  # which the refusal is for
    stock = AutoModel.from_pretrained(base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = PeftModel.from_pretrained(stock, str(tmp_path / "saved"))
    loaded.merge_and_unload().save_pretrained(tmp_path / "merged")
    merged = load_encoder(str(tmp_path / "merged")).eval()
    merged.normalised = encoder.normalised
    torch.testing.assert_close(states(merged), states(encoder), rtol=0, atol=1e-4)
