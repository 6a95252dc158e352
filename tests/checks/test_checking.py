"""Planted faults are found, each by its check, and sound encoders raise none."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from crossemo.checks import Line, check_encoder
from crossemo.checks.line import judged, unlike
from crossemo.encoders import encoder, load_encoder
from crossemo.encoders.families import wav2vec2
from tests.checks import planted, planted_in_stock
from tests.checks.planted import FRAMES, PADDING, TRAINING
from tests.encoders.tiny import write_tiny

FAMILIES_CHECKED = [
    "wav2vec2",
    "wav2vec2-large",
    "hubert-large",
    "wavlm",
    "data2vec",
    "conformer",
    "conformer-large",
    "mert",
    "w2v-bert",
    "whisper",
    "ast",
    "muq",
    "musicfm",
    "emotion2vec",
]
Kind = tuple[str, str]
SOUND_ENCODERS = Path(__file__).with_name("sound_encoders.py")
LOADING = "", "files fit together"
STORED = "", "numbers in the file"
STOCK = "stock_states", "equal to transformers' own"
RATE = "clip_rate", "sampling rate"
LEVEL = "clip_level", "normalised as the files say"


def verdict(name: str | Path, kind: Kind) -> Line:
    """Return the one line of a check."""
    lines = check_encoder(str(name), only={kind[0]})
    (line,) = [one for one in lines if one.check.partition(" (")[0] == kind[1]]
    return line


@pytest.mark.parametrize("name", planted.FAULTS)
def test_a_fault_in_a_users_file_is_found(tmp_path: Path, name: str) -> None:
    line = verdict(planted.plant(tmp_path, name), planted.FAULTS[name][2])
    assert line.verdict == "fault"
    assert line.advice


@pytest.mark.parametrize("name", planted_in_stock.FAULTS)
def test_a_fault_around_a_stock_model_is_found(tmp_path: Path, name: str) -> None:
    where = planted_in_stock.plant(tmp_path, name)
    assert verdict(where, planted_in_stock.FAULTS[name][3]).verdict == "fault"


def faults(name: str | Path) -> list[Line]:
    return [line for line in check_encoder(str(name)) if line.verdict == "fault"]


@pytest.mark.parametrize(
    "family",
    FAMILIES_CHECKED,
)
def test_a_sound_encoder_of_a_family_has_no_fault(tmp_path: Path, family: str) -> None:
    assert faults(write_tiny(tmp_path, family)) == []


@pytest.mark.parametrize("name", ["Spectrum", "Recurrent", "Stock", "Frozen", "Causal"])
def test_a_sound_encoder_of_a_user_has_no_fault(tmp_path: Path, name: str) -> None:
    write_tiny(tmp_path, "wav2vec2")
    shutil.copy(SOUND_ENCODERS, tmp_path)
    assert faults(f"{tmp_path / SOUND_ENCODERS.name}:{name}") == []


def test_what_faults_are_planted_in_is_sound(tmp_path: Path) -> None:
    (tmp_path / "stock").mkdir()
    assert faults(planted.plant(tmp_path, None)) == []
    assert faults(planted_in_stock.plant(tmp_path / "stock", None)) == []


def _change(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, {"format": "pt"})


def _rate(folder: Path) -> None:
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sampling_rate": 8000}))


_NAME = "encoder.layers.0.attention.q_proj.weight"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (lambda folder: _change(folder, lambda w: w.pop(_NAME)), LOADING),
        (
            lambda folder: _change(folder, lambda w: w.update(more=torch.ones(2))),
            LOADING,
        ),
        (lambda folder: _change(folder, lambda w: w[_NAME].fill_(torch.nan)), STORED),
        (_rate, RATE),
    ],
    ids=["dropped key", "extra key", "NaN", "wrong rate"],
)
def test_a_fault_in_a_folder_is_found(
    tmp_path: Path, fault: Callable[[Path], None], kind: Kind
) -> None:
    fault(write_tiny(tmp_path, "wav2vec2"))
    assert verdict(tmp_path, kind).verdict == "fault"


def _over_rows(waveforms: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    mean, deviation = waveforms.mean(1, True), waveforms.std(1, keepdim=True)
    return (waveforms - mean) / deviation


def _without_mask(model: Any, **_: Any) -> dict[str, Any]:
    return {"attention_mask": None}


_COUNT = wav2vec2.Wav2Vec2Family.count_frames
_EMBED = wav2vec2.Wav2Vec2Family.embed


@pytest.mark.parametrize(
    ("place", "name", "fault", "kind"),
    [
        (encoder, "normalise", _over_rows, PADDING),
        (encoder, "normalise", lambda waveforms, mask: waveforms * mask, LEVEL),
        (
            wav2vec2.Wav2Vec2Family,
            "count_frames",
            lambda *args: [count + 1 for count in _COUNT(*args)],
            FRAMES,
        ),
        (
            wav2vec2.Wav2Vec2Family,
            "embed",
            lambda *args: 0.99 * _EMBED(*args),
            STOCK,
        ),
        (
            wav2vec2.Wav2Vec2Family,
            "tensor_name",
            lambda _, name: (
                name.replace("s.0.", "s.9.")
                .replace("s.1.", "s.0.")
                .replace("s.9.", "s.1.")
                if name.startswith("encoder")
                else name
            ),
            STOCK,
        ),
        (wav2vec2, "_DROPOUT_OFF", {}, TRAINING),
    ],
    ids=["normalisation", "level", "frames", "embedding", "swapped layers", "dropout"],
)
def test_a_fault_of_crossemos_own_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,
    name: str,
    fault: Any,
    kind: Kind,
) -> None:
    write_tiny(tmp_path, "wav2vec2-large")
    assert verdict(tmp_path, kind).verdict == "sound"
    monkeypatch.setattr(place, name, fault)
    assert verdict(tmp_path, kind).verdict == "fault"


def test_a_group_norm_over_padding_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny(tmp_path, "wav2vec2")
    monkeypatch.setattr(
        "crossemo.encoders.masking.group_norm",
        lambda norm, hidden, counts: norm(hidden),
    )
    line = verdict(tmp_path, PADDING)
    assert line.verdict == "fault"
    assert line.advice.startswith(
        "All frames change: statistics are taken over the pad"
    )


def test_half_precision_of_a_file_is_noted(tmp_path: Path) -> None:
    write_tiny(tmp_path, "wav2vec2")
    _change(tmp_path, lambda w: w.update({k: t.half() for k, t in w.items()}))
    line = verdict(tmp_path, ("", "precision of the file"))
    assert (line.measured, line.verdict) == ("float16", "note")


def test_layer_norms_without_normalised_clips_are_noted(tmp_path: Path) -> None:
    path = write_tiny(tmp_path, "wav2vec2-large") / "preprocessor_config.json"
    path.write_text(path.read_text().replace("true", "false"))
    line = verdict(tmp_path, LEVEL)
    assert (line.measured, line.verdict) == ("do_normalize is off", "note")
    assert verdict("tiny", LEVEL).verdict == "sound"  # which has learnt nothing yet


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e-3])
def test_no_number_is_a_fault_whatever_else_was_measured(value: float) -> None:
    assert judged("x", value, 1e-5, "Mend it.").verdict == "fault"
    values = torch.tensor([value, 1.0])
    assert not unlike(values, torch.tensor([0.5, 1.0])) <= 1e-5
    assert max(0.5, float("nan")) == 0.5  # what no check may rely on


def test_adapters_on_torchs_own_blocks_act_in_evaluation(tmp_path: Path) -> None:
    shutil.copy(SOUND_ENCODERS, tmp_path)
    name = f"{tmp_path / SOUND_ENCODERS.name}:Stock"
    options = {"peft_type": "LORA", "r": 2, "target_modules": ["linear1"]}
    encoder = load_encoder(name, "peft", options=options).eval()
    clip = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = encoder(clip, torch.tensor([4000]))[0]
        for key, weight in encoder.named_parameters():
            if "lora_B" in key:
                weight.fill_(1.0)
        after = encoder(clip, torch.tensor([4000]))[0]
    assert not torch.allclose(before[-1], after[-1], atol=1e-3)
