"""A family with another front end: what CONTRIBUTING says, one file and no other."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning import Trainer
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossemo.encoders import EncoderError, SSLEncoder, encoder_facts, load_encoder
from crossemo.encoders import families as package
from crossemo.encoders.tuning.recipes import RECIPES
from crossemo.recognizer import EmotionRecognizer
from tests.encoders.families.made_up_mel import FAMILY, MelModel
from tests.sharing.models import moved, shared

FILE = Path(__file__).with_name("made_up_mel.py")
LENGTHS = torch.tensor([4000, 1300, 400])
CONFIG = {
    "model_type": "made-up-mel",
    "d_model": 16,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "encoder_layers": 2,
    "num_mel_bins": 20,
    "activation_dropout": 0.5,
    "attention_dropout": 0.5,
    "dropout": 0.5,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny encoder of the family, whose file lies on the families' path."""
    path = tmp_path / "families"
    path.mkdir()
    shutil.copy(FILE, path)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(path)])
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    (encoder / "config.json").write_text(json.dumps(CONFIG))
    save_file(weights(), encoder / "model.safetensors")
    name = f"{package.__name__}.{FILE.stem}"
    monkeypatch.delitem(sys.modules, name, raising=False)
    return encoder


def weights() -> dict[str, Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MelModel(FAMILY.architecture(_files(), dropout=False)[1])
        with torch.no_grad():  # initial zeros and ones would hide mistakes
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    return {key: tensor.contiguous() for key, tensor in model.state_dict().items()}


def _files() -> package.base.EncoderFiles:
    return package.base.EncoderFiles("x", CONFIG, {})


def clips() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return 0.1 * torch.randn(3, 4000, generator=generator)


def trained(encoder: SSLEncoder) -> set[str]:
    return {key for key, p in encoder.named_parameters() if p.requires_grad}


def test_the_family_is_one_short_file_and_no_other_knows_it() -> None:
    assert len(FILE.read_text().splitlines()) <= 80
    root = Path(package.__file__).parents[2]
    assert not [p for p in root.rglob("*.py") if FILE.stem in p.read_text()]


def test_a_clip_gets_the_same_states_alone_and_beside_longer_ones(folder: Path) -> None:
    encoder = load_encoder(str(folder))
    together = encoder(clips(), LENGTHS)
    assert together.states.shape == (3, 3, 23, 16)  # (4000 - 400) / 160 = 22.5
    for clip, length in enumerate(LENGTHS.tolist()):
        alone = encoder(clips()[clip : clip + 1, :length], LENGTHS[clip : clip + 1])
        frames = (length - 400) // 160 + 1
        assert together.mask[clip].sum() == frames
        assert encoder.count_frames([length]) == [frames]
        beside = together.states[:, clip, :frames]
        assert (beside - alone.states[:, 0]).norm() <= 1e-5 * alone.states.norm()
        assert not torch.allclose(beside[2], beside[1], rtol=0.1)


def test_facts_need_no_weights_and_short_clips_are_refused(folder: Path) -> None:
    assert encoder_facts(str(folder)) == (16000, 400)
    encoder = load_encoder(str(folder))
    with pytest.raises(EncoderError, match=r"has 399 samples, .* needs 400 \(25.0 ms"):
        encoder(clips(), torch.tensor([4000, 1300, 399]))


@pytest.mark.parametrize("tuning", ["full", "bitfit", "houlsby", *sorted(RECIPES)])
def test_what_is_trained_gets_a_gradient_and_the_rest_stays(
    folder: Path, tuning: str
) -> None:
    encoder = load_encoder(str(folder), tuning, encoder_dropout=False)  # type: ignore[arg-type]
    assert trained(encoder)
    assert not any(".norm." in key for key in trained(encoder))
    before = load_encoder(str(folder))(clips(), LENGTHS).states
    states = encoder(clips(), LENGTHS).states
    torch.testing.assert_close(
        states, before, rtol=0, atol=0.05 if tuning == "vblora" else 1e-5
    )
    torch.autograd.backward((states * torch.randn_like(states)).sum())
    with_gradient = {k for k, p in encoder.named_parameters() if p.grad is not None}
    assert with_gradient == trained(encoder)


def test_full_and_lora_train_what_they_say(folder: Path) -> None:
    assert trained(load_encoder(str(folder))) == set()
    names = {f"model.{key}" for key in weights() if not key.startswith(("mel", "norm"))}
    assert trained(load_encoder(str(folder), "full")) == names
    assert trained(load_encoder(str(folder), "lora")) == {
        f"model.layers.{block}.self_attn.{name}.lora_{matrix}.default.weight"
        for block in (0, 1)
        for name in ("q_proj", "v_proj")
        for matrix in "AB"
    }
    encoder = load_encoder(str(folder), "full")
    encoder.freeze_above(1)
    assert trained(encoder) == {name for name in names if ".layers.1." not in name}


@pytest.mark.parametrize("tuning", ["frozen", "full", "lora"])
def test_a_checkpoint_of_a_recogniser_is_loaded_again(
    folder: Path, tmp_path: Path, tuning: str
) -> None:
    def recogniser(seed: int) -> EmotionRecognizer:
        torch.manual_seed(seed)
        return EmotionRecognizer(str(folder), ("calm", "sad"), tuning=tuning).eval()  # type: ignore[arg-type]

    model = recogniser(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    stored = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert ("encoder.model.norm.weight" in stored) is False  # it is in the files
    again = EmotionRecognizer.load_from_checkpoint(tmp_path / "last.ckpt")
    expected = model(clips(), LENGTHS)
    torch.testing.assert_close(again.eval()(clips(), LENGTHS), expected)
    assert not torch.allclose(recogniser(1)(clips(), LENGTHS), expected)


def test_weights_that_do_not_fit_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["projection.bias"]
    tensors["norm.weight"] = torch.zeros(3)
    save_file(tensors | {"decoder": torch.zeros(1)}, path)
    message = (
        "aren't those of a made-up-mel encoder .* lacks projection.bias, "
        "has besides decoder, has in another shape norm.weight"
    )
    with pytest.raises(EncoderError, match=message):
        load_encoder(str(folder))


def test_the_fingerprint_is_of_weights_and_configuration(folder: Path) -> None:
    before = load_encoder(str(folder)).fingerprint()
    assert load_encoder(str(folder)).fingerprint() == before
    random = load_encoder(str(folder), random_weights=True)
    assert random.fingerprint() != before
    heads = CONFIG | {"encoder_attention_heads": 4}
    (folder / "config.json").write_text(json.dumps(heads))
    assert load_encoder(str(folder)).fingerprint() != before


def test_a_family_is_found_without_importing_others_or_transformers() -> None:
    code = (
        "import sys; from crossemo.encoders.families import find_family;"
        "assert find_family('data2vec-audio').name == 'data2vec-audio';"
        "modules = set(sys.modules);"
        "assert not {'transformers', 'peft', 'huggingface_hub'} & modules;"
        "assert not any(m.endswith(('wavlm', 'mert', 'hubert')) for m in modules);"
        "assert find_family('mert_model').name == 'mert';"
        "assert find_family('bert') is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("tuning", "sentence"),
    [
        ("ia3", "This encoder has no 'key' that ia3 could sit on: name its modules as"),
        ("ln_tuning", "has no 'norms' that ln_tuning could sit on: .* peft.target_mod"),
        ("houlsby", "adapters have no place in a made-up-mel encoder: choose another"),
    ],
)
def test_a_family_without_a_place_for_adapters_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tuning: str, sentence: str
) -> None:
    family = type(package.get_family("made-up-mel"))
    monkeypatch.setattr(family, "places", {"query": "q_proj", "value": "v_proj"})
    monkeypatch.setattr(family, "bottlenecks", ())
    with pytest.raises(EncoderError, match=sentence):
        load_encoder(str(folder), tuning)  # type: ignore[arg-type]
    load_encoder(str(folder), "lora")


def test_a_recogniser_on_it_is_shared_in_our_own_form(
    folder: Path, tmp_path: Path
) -> None:
    model = moved(folder, tuning="lora")
    facts = shared(model, tmp_path / "shared")
    assert facts.form == "crossemo"
    assert facts.obstacle
    again = EmotionRecognizer.from_pretrained(tmp_path / "shared")
    with torch.no_grad():
        said, expected = again(clips(), LENGTHS), model(clips(), LENGTHS)
    torch.testing.assert_close(said, expected, rtol=1e-5, atol=1e-5)
