"""Where models are read, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from crossemo.data.provenance import Material, Provenance
from crossemo.encoders import load_encoder
from crossemo.errors import CrossEmoError
from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing.exporting import Parts, digests, share
from crossemo.sharing.model_facts import FILE, ModelError, ModelFacts
from crossemo.sharing.pretrained import read
from tests.encoders.hub import fill_cache
from tests.encoders.tiny import write_tiny
from tests.runs.damage import Intruder
from tests.sharing.models import clips, logits, moved, shared

STOCK: dict[str, Any] = {"tuning": "lora"}
OWN: dict[str, Any] = {"tuning": "houlsby", "pooling": "attentive", "peft": {"size": 4}}
SEEN = Provenance(Material(frozenset({"a/1"}), frozenset({"0" * 16})))


@pytest.fixture(scope="module")
def folders(
    tmp_path_factory: pytest.TempPathFactory, wav2vec2: Path
) -> dict[str, Path]:
    """A shared folder of either form."""
    home = tmp_path_factory.mktemp("shared")
    for name, options in {"transformers": STOCK, "crossemo": OWN}.items():
        model = moved(wav2vec2, **options)
        model.provenance = model.encoder.provenance = SEEN
        facts = shared(model, home / name)
        assert facts.form == name
    return {name: home / name for name in ("transformers", "crossemo")}


@pytest.fixture(params=["transformers", "crossemo"])
def folder(
    request: pytest.FixtureRequest, folders: dict[str, Path], tmp_path: Path
) -> Path:
    """A copy of such a folder."""
    return Path(shutil.copytree(folders[request.param], tmp_path / "copy"))


def test_weights_bear_the_names_of_a_recogniser(folder: Path) -> None:
    pretrained = read(folder)
    model = EmotionRecognizer.from_pretrained(folder)
    state = model.state_dict()
    assert pretrained.weights.keys() == state.keys()
    for name, tensor in pretrained.weights.items():
        torch.testing.assert_close(tensor, state[name], msg=name)
    assert not model.training
    assert pretrained.reliability is None


def test_what_its_weights_have_seen_goes_along(folder: Path) -> None:
    model = EmotionRecognizer.from_pretrained(folder)
    assert model.provenance == model.encoder.provenance == SEEN
    assert model.facts is not None
    assert model.facts.seen == SEEN
    if model.facts.form == "transformers":  # where it is an encoder too
        assert load_encoder(str(folder)).provenance == SEEN


def test_no_folder_of_this_machine_is_named(folder: Path, wav2vec2: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            assert str(wav2vec2.parent).encode() not in path.read_bytes(), path


def test_a_shared_model_can_be_shared_again(folder: Path, tmp_path: Path) -> None:
    model = EmotionRecognizer.from_pretrained(folder)
    assert model.facts is not None
    facts = share(
        Parts(model.encoder, model.mix, model.head), model.facts, tmp_path / "again"
    )
    again = EmotionRecognizer.from_pretrained(tmp_path / "again")
    assert facts.form == model.facts.form
    torch.testing.assert_close(logits(again, clips()), logits(model, clips()))


def test_it_is_an_encoder_for_other_trainings(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    model = EmotionRecognizer.from_pretrained(folders["transformers"])
    again = load_encoder(str(folders["transformers"])).eval()
    waveform, lengths = torch.randn(1, 2000), torch.tensor([2000])
    with torch.no_grad():
        expected = model.encoder(waveform, lengths).states
        torch.testing.assert_close(again(waveform, lengths).states, expected)
    with pytest.raises(CrossEmoError, match=r"has besides .*adapter"):
        load_encoder(str(folders["crossemo"]))  # which would leave them out


@pytest.mark.filterwarnings("ignore")  # peft's, of what transformers has renamed
def test_adapters_lie_beside_it_for_plain_peft(
    folders: dict[str, Path], wav2vec2: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModel

    model = EmotionRecognizer.from_pretrained(folders["transformers"])
    place = folders["transformers"] / "adapter"
    config = json.loads((place / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == wav2vec2.name
    plain = AutoModel.from_pretrained(wav2vec2)
    adapted = PeftModel.from_pretrained(plain, str(place)).eval()
    (waveform, *_), lengths = clips(), torch.tensor([4000])
    signal = torch.from_numpy(waveform)[None]
    heard = (signal - signal.mean()) / (signal.var(correction=0) + 1e-7).sqrt()
    with torch.no_grad():
        states = adapted(heard, output_hidden_states=True).hidden_states
        expected = model.encoder(signal, lengths).states
    torch.testing.assert_close(torch.stack(states), expected, rtol=1e-4, atol=1e-4)


def reseal(folder: Path) -> None:
    """Have a folder say that it is as it is now."""
    path = folder / FILE
    content = yaml.safe_load(path.read_text())
    path.unlink()
    content["sums"] = digests(folder)
    path.write_text(yaml.safe_dump(content))


def edit(name: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        read, write = (
            (json.loads, json.dumps)
            if path.suffix == ".json"
            else (yaml.safe_load, yaml.safe_dump)
        )
        content = read(path.read_text())
        change(content)
        path.write_text(write(content))

    return damage


def weights(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    return damage


def flip(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def unlink(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def pickled(folder: Path) -> None:
    """Put code in the place of the weights."""
    (folder / "model.safetensors").unlink()
    torch.save({"a": Intruder(folder / "witness")}, folder / "model.safetensors")
    torch.save({"a": Intruder(folder / "witness")}, folder / "pytorch_model.bin")


def coded(folder: Path) -> None:
    """Name code of the folder's own."""
    (folder / "code.py").write_text("open('witness', 'w')\nclass A: pass\n")
    edit("config.json", lambda c: c.update(auto_map={"AutoModel": "code.A"}))(folder)


ALTERED: dict[str, Callable[[Path], None]] = {
    "a flipped bit": flip,
    "another config": edit("config.json", lambda c: c.update(more=1)),
    "another rate": edit(
        "preprocessor_config.json", lambda c: c.update(sampling_rate=8000)
    ),
    "no weights": unlink("model.safetensors"),
    "no config": unlink("config.json"),
    "code for weights": pickled,
}


@pytest.mark.parametrize("kind", ALTERED)
def test_a_folder_that_was_altered_is_refused(folder: Path, kind: str) -> None:
    ALTERED[kind](folder)
    with pytest.raises(ModelError, match=r"not as crossemo export wrote|can't be read"):
        EmotionRecognizer.from_pretrained(folder)
    assert not list(folder.rglob("witness"))


RESEALED: dict[str, tuple[Callable[[Path], None], str]] = {
    "code for weights": (pickled, "Can't read the weights"),
    "a tensor less": (weights(lambda t: t.popitem()), "."),
    "another shape": (
        weights(lambda t: t.update({k: v[:1].clone() for k, v in t.items()})),
        ".",
    ),
    "numbers that are none": (
        weights(lambda t: t.update({k: v * float("nan") for k, v in t.items()})),
        "finite",
    ),
    "a vast head": (
        edit(FILE, lambda c: c["hyperparameters"].update(hidden=10**9)),
        "far larger than its weights|aren't those of a model",
    ),
    "another head": (
        edit(FILE, lambda c: c["hyperparameters"].update(hidden=9)),
        "aren't those of a model",
    ),
    "another setting": (
        edit(FILE, lambda c: c["hyperparameters"].update(more=1)),
        "no setting more",
    ),
    "a setting of another type": (
        edit(FILE, lambda c: c["hyperparameters"].update(hidden="8")),
        "hidden can't be '8'",
    ),
    "a vast encoder": (
        lambda folder: edit(
            "config.json",
            lambda c: c.get("encoder", c).update(
                hidden_size=10**6, num_hidden_layers=99
            ),
        )(folder),
        "far larger than its weights",
    ),
}


@pytest.mark.parametrize("kind", RESEALED)
def test_what_can_not_be_is_refused_by_whoever_made_it(folder: Path, kind: str) -> None:
    damage, why = RESEALED[kind]
    damage(folder)
    reseal(folder)
    with pytest.raises(CrossEmoError, match=why):
        EmotionRecognizer.from_pretrained(folder)
    assert not list(folder.rglob("witness"))


def test_code_that_a_config_names_is_not_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    coded(folder)
    reseal(folder)
    EmotionRecognizer.from_pretrained(folder)
    assert not list(folder.rglob("witness"))


def test_a_folder_of_others_is_refused(tmp_path: Path, wav2vec2: Path) -> None:
    foreign = write_tiny(tmp_path / "foreign", "wav2vec2", "ForSequenceClassification")
    for path in (foreign, tmp_path):
        with pytest.raises(ModelError, match="is neither the folder of a run"):
            EmotionRecognizer.from_pretrained(path)
    with pytest.raises(CrossEmoError, match="no checkpoint"):
        EmotionRecognizer.from_pretrained(foreign / "model.safetensors")


@pytest.mark.parametrize("name", ["", "nowhere", "tiny", "a/b/c", "/no/such/run"])
def test_what_is_nowhere_is_said(here: Path, name: str) -> None:
    with pytest.raises(CrossEmoError, match=r"There is no model|is neither"):
        EmotionRecognizer.from_pretrained(name)


def test_it_comes_from_the_hub_at_a_revision(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    fill_cache(
        tmp_path / "cache",
        "owner/name",
        folder,
        absent=("processor_config.json", "reliability.safetensors"),
    )
    expected = logits(EmotionRecognizer.from_pretrained(folder), clips())
    for revision in (None, "main"):
        again = EmotionRecognizer.from_pretrained("owner/name", revision)
        assert logits(again, clips()).equal(expected)


def test_a_model_of_others_on_the_hub_is_refused(
    tmp_path: Path, wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    absent = ("crossemo.yaml", "processor_config.json", "reliability.safetensors")
    fill_cache(tmp_path / "cache", "owner/name", wav2vec2, absent=absent)
    with pytest.raises(ModelError, match=r"holds no crossemo\.yaml"):
        EmotionRecognizer.from_pretrained("owner/name")
    with pytest.raises(CrossEmoError, match="Can't reach the hub"):
        EmotionRecognizer.from_pretrained("another/name")


def test_facts_that_are_read_are_those_that_were_written(folder: Path) -> None:
    assert read(folder).facts == ModelFacts.read(folder)
