"""What a folder is when something goes wrong while it is written."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from crossemo.encoders import load_encoder
from crossemo.errors import CrossEmoError
from crossemo.recognizer import EmotionRecognizer
from crossemo.sharing import exporting
from crossemo.sharing.exporting import Parts, share
from crossemo.sharing.model_facts import ModelError, ModelFacts
from crossemo.sharing.pretrained import read
from tests.sharing.models import CLASSES, clips, logits, moved, shared


def facts_of(model: EmotionRecognizer) -> ModelFacts:
    return ModelFacts(
        crossemo="1.0.0",
        form="checkpoint",
        task="classes",
        classes=CLASSES,
        sampling_rate=model.encoder.sampling_rate,
        hyperparameters=dict(model.hparams),
        encoder={
            "name": model.encoder.name,
            "repository": None,
            "revision": None,
            "fingerprint": model.encoder.fingerprint(),
        },
    )


def write(model: EmotionRecognizer, folder: Path, **options: Any) -> ModelFacts:
    parts = Parts(model.encoder, model.mix, model.head)
    return share(parts, facts_of(model), folder, **options)


@pytest.mark.parametrize("layers", ["weighted", "last", 0])
def test_stock_weights_are_those_of_the_recogniser(
    wav2vec2: Path, tmp_path: Path, layers: Any
) -> None:
    model = moved(wav2vec2, layers=layers)
    write(model, tmp_path / "shared")
    stored = load_file(tmp_path / "shared" / "model.safetensors")
    assert stored["projector.weight"].equal(model.head.projection.weight)
    assert stored["classifier.bias"].equal(model.head.classifier.bias)
    for kind in (torch.float32, torch.float16):  # as a GPU may take it
        shares = stored["layer_weights"].to(kind).softmax(0).float()
        close = 1e-6 if kind == torch.float32 else 1e-3
        torch.testing.assert_close(shares, model.mix.weights(), rtol=0, atol=close)
        if layers != "weighted":
            assert shares.equal(model.mix.one_hot)


def test_a_folder_that_is_there_stays_as_it_is(wav2vec2: Path, tmp_path: Path) -> None:
    model = moved(wav2vec2)
    (tmp_path / "mine").mkdir()
    write(model, tmp_path / "mine")  # as it is empty
    for path in (tmp_path / "mine", tmp_path / "mine" / "config.json"):
        before = {p: p.read_bytes() for p in (tmp_path / "mine").iterdir()}
        with pytest.raises(ModelError, match="exists already"):
            write(model, path)
        after = {p: p.read_bytes() for p in (tmp_path / "mine").iterdir()}
        assert after == before


def test_nothing_is_left_of_what_could_not_be_written_to_its_end(
    wav2vec2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(self: ModelFacts, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ModelFacts, "write", fill_up)
    with pytest.raises(ModelError, match=r"can't be written.*No space left"):
        write(moved(wav2vec2), tmp_path / "shared")
    assert list(tmp_path.iterdir()) == []


def test_where_transformers_says_something_else_the_form_is_our_own(
    wav2vec2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = moved(wav2vec2)
    monkeypatch.setattr(exporting, "stock_outputs", lambda *_: torch.ones(3))
    facts = write(model, tmp_path / "one")
    assert facts.form == "crossemo"
    assert facts.obstacle == "transformers computes something else of the same weights"
    again = EmotionRecognizer.from_pretrained(tmp_path / "one")
    torch.testing.assert_close(logits(again, clips()), logits(model, clips()))
    monkeypatch.setattr(exporting, "own_outputs", lambda *_: torch.ones(3))
    with pytest.raises(ModelError, match="No folder can hold this model"):
        write(model, tmp_path / "other")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one"]


def test_adapters_that_peft_can_not_merge_are_said(
    wav2vec2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = moved(wav2vec2, tuning="lora")
    adapters = model.encoder.adaptation.adapters
    assert adapters is not None

    def refuse(*_: object) -> None:
        raise NotImplementedError("not this one")

    monkeypatch.setattr(type(adapters._base), "merge_and_unload", refuse)
    with pytest.raises(CrossEmoError, match="peft can't merge lora: not this one"):
        write(model, tmp_path / "shared")
    assert list(tmp_path.iterdir()) == []


def test_merging_for_a_folder_leaves_the_model_as_it_is(
    wav2vec2: Path, tmp_path: Path
) -> None:
    model = moved(wav2vec2, tuning="lora")
    before, state = logits(model, clips()), model.state_dict()
    write(model, tmp_path / "shared")
    assert logits(model, clips()).equal(before)
    assert model.state_dict().keys() == state.keys()


def test_reliability_goes_along(wav2vec2: Path, tmp_path: Path) -> None:
    known = {"temperature": torch.tensor(1.5)}
    facts = write(moved(wav2vec2), tmp_path / "shared", reliability=known)
    assert "reliability.safetensors" in facts.sums
    stored = read(tmp_path / "shared").reliability
    assert stored is not None
    assert stored.keys() == known.keys()
    assert stored["temperature"].equal(known["temperature"])
    (tmp_path / "shared" / "reliability.safetensors").unlink()
    with pytest.raises(ModelError, match=r"reliability\.safetensors can't be read"):
        read(tmp_path / "shared")


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_an_encoder_from_nothing_goes_out_too(tmp_path: Path, name: str) -> None:
    for pooling, form in (("mean", "transformers"), ("attentive", "crossemo")):
        model = moved(name, tuning="full", pooling=pooling)
        facts = shared(model, tmp_path / pooling)
        assert facts.form == form
        again = EmotionRecognizer.from_pretrained(tmp_path / pooling)
        assert again.encoder.normalised is False
        expected = logits(model, clips())
        torch.testing.assert_close(
            logits(again, clips()), expected, rtol=1e-5, atol=1e-5
        )


def test_a_bottleneck_s_folder_goes_on_in_other_trainings(
    wav2vec2: Path, tmp_path: Path
) -> None:
    model = moved(wav2vec2, tuning="houlsby", peft={"size": 4})
    write(model, tmp_path / "shared")
    folder = str(tmp_path / "shared")
    again = load_encoder(folder, "houlsby", options={"size": 4}).eval()
    clip, lengths = torch.randn(1, 2000), torch.tensor([2000])
    with torch.no_grad():
        expected = model.encoder(clip, lengths).states
        torch.testing.assert_close(again(clip, lengths).states, expected)
    with pytest.raises(CrossEmoError, match="size mismatch"):
        load_encoder(folder, "houlsby", options={"size": 5})
