"""Published classifiers say here what transformers' own pipeline says, or nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from crossemo.corpora.base import Scale
from crossemo.data.datamodules import EmotionDataModule, SpeechEmotionDataModule
from crossemo.encoders import EncoderError
from crossemo.judging.audio_classifier import AudioClassifier
from crossemo.judging.candidates import open_candidate
from crossemo.judging.judgement import judge
from crossemo.judging.output_map import map_outputs
from crossemo.tasks.values import Values
from tests.data.modules import ready
from tests.data.tones import Tones
from tests.encoders.hub import fill_cache
from tests.encoders.tiny import write_tiny
from tests.judging.published import LABELS, edit, write_classifier

TASK = {"happy": ["happy"], "sad": ["sad"], "angry": ["angry"]}


def data_at(root: Path, rate: int, **options: Any) -> EmotionDataModule:
    tones = Tones(root, emotions=list(TASK), takes=2)
    more: dict[str, Any] = {"task": TASK, "cache_dir": root.parent / "cache"}
    return ready(SpeechEmotionDataModule(tones, sampling_rate=rate, **more, **options))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("published"))


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    """A classifier to damage."""
    return Path(shutil.copytree(published, tmp_path / "copy"))


@pytest.mark.parametrize(
    ("family", "rate"),
    [("wav2vec2", 16_000), ("wavlm-large", 16_000), ("hubert", 24_000)],
)
def test_clips_get_the_probabilities_of_the_stock_pipeline(
    family: str, rate: int, tmp_path: Path
) -> None:
    folder = write_classifier(tmp_path / "theirs", family, rate=rate)
    candidate = open_candidate(str(folder))
    assert candidate.facts.sampling_rate == rate
    data = data_at(tmp_path / "tones", rate, batch_size=4)
    mapped = map_outputs("theirs", candidate.labels, data.task, {})
    judged = judge(candidate, mapped, data).judged["speech"]
    dataset = data.dataset("speech", "test")
    pipeline = transformers.pipeline("audio-classification", str(folder))
    assert len(judged.places) == len(dataset) == 6
    for place, shares in zip(judged.places, judged.predictions, strict=True):
        waveform = dataset[place].inputs[0].numpy()
        said = {one["label"]: one["score"] for one in pipeline(waveform)}
        three = torch.tensor([said[name] for name in ("Happiness", "SAD", "anger")])
        torch.testing.assert_close(shares, three / three.sum(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", ["wav2vec2", "wav2vec2-large"])
def test_audeering_s_head_says_arousal_dominance_and_valence(
    family: str, tmp_path: Path
) -> None:
    """As its model card has it, with all the code that the card has for it."""
    folder = tmp_path / "theirs"
    names = {0: "arousal", 1: "dominance", 2: "valence"}
    encoder = write_tiny(folder, family)
    model = transformers.Wav2Vec2Model.from_pretrained(encoder).eval()
    width = model.config.hidden_size
    torch.manual_seed(0)
    dense, out_proj = torch.nn.Linear(width, width), torch.nn.Linear(width, 3)
    state = {f"wav2vec2.{k}": v for k, v in model.state_dict().items()}
    state |= {f"classifier.dense.{k}": v for k, v in dense.state_dict().items()}
    state |= {f"classifier.out_proj.{k}": v for k, v in out_proj.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    edit(
        folder / "config.json",
        architectures=["Wav2Vec2ForSpeechClassification"],
        finetuning_task="wav2vec2_reg",
        id2label=names,
        label2id={name: place for place, name in names.items()},
        pooling_mode="mean",
        problem_type="regression",
    )
    content = json.loads((folder / "config.json").read_text()) | {"vocab_size": None}
    (folder / "config.json").write_text(json.dumps(content))
    candidate = read(folder)
    mapped = map_outputs("theirs", candidate.labels, Values(), {}, Scale(0, 1, 0.5))
    assert mapped.left_out == ["dominance"]
    batch = data_at(tmp_path / "tones", 16_000).dataset("speech", "test")[0]
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    rate = extractor.sampling_rate
    clip = extractor(batch.inputs[0].numpy(), sampling_rate=rate, return_tensors="pt")
    with torch.no_grad():
        mean = model(clip["input_values"])[0].mean(dim=1)
        arousal, _, valence = out_proj(torch.tanh(dense(mean)))[0]
        said = mapped(candidate(batch))[0]
    expected = torch.stack([2 * valence - 1, 2 * arousal - 1])
    torch.testing.assert_close(said, expected, rtol=0, atol=1e-6)
    edit(folder / "config.json", pooling_mode="max")
    with pytest.raises(EncoderError, match="may compute something else"):
        read(folder)


def test_what_no_class_is_made_of_is_counted(published: Path, tmp_path: Path) -> None:
    candidate, data = read(published), data_at(tmp_path / "tones", 16_000)
    clips = data.dataset("speech", "test")
    highest = [LABELS[int(candidate(clips[n]).argmax())] for n in range(len(clips))]
    without = {highest[0]: "none"}
    mapped = map_outputs("theirs", candidate.labels, data.task, without)
    assert set(mapped.left_out) == {"neu", "fear", "calm", highest[0]}
    counts = {name: highest.count(name) for name in highest if name in mapped.left_out}
    assert counts
    assert judge(candidate, mapped, data).left_out == {"speech": counts}


def read(folder: Path) -> AudioClassifier:
    candidate = open_candidate(str(folder))
    assert isinstance(candidate, AudioClassifier)
    return candidate


def test_windows_of_equal_length_alone_share_a_batch(
    published: Path, tmp_path: Path
) -> None:
    data = data_at(
        tmp_path / "tones", 16_000, batch_size=3, window=0.03, min_samples=40
    )
    batches = read(published).batches(data, "speech")
    assert sorted(window for batch in batches for window in batch) == sorted(
        data.dataset("speech", "test").windows()
    )
    assert all(len({window.length for window in batch}) == 1 for batch in batches)
    assert {len(batch) for batch in batches} == {1, 3}


def test_a_spectrogram_hears_all_of_a_long_clip(tmp_path: Path) -> None:
    config = transformers.ASTConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_length=32,
        num_mel_bins=32,
        id2label=dict(enumerate(LABELS[:3])),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.ASTForAudioClassification(config).eval()
    extractor = transformers.ASTFeatureExtractor(max_length=32, num_mel_bins=32)
    model.save_pretrained(tmp_path)
    extractor.save_pretrained(tmp_path)
    candidate = read(tmp_path)
    data = data_at(tmp_path / "tones", 16_000)
    batch = data.dataset("speech", "test")[0]
    noise = torch.randn(2, 9000, generator=torch.Generator().manual_seed(0))
    outputs = []
    for half in (noise[:, :4500], noise[:, 4500:]):  # of 5120 samples at most
        inputs = extractor(list(half.numpy()), 16_000, return_tensors="pt")
        outputs.append(model(**inputs).logits)
    said = candidate(batch._replace(inputs=noise, lengths=torch.tensor([9000, 9000])))
    torch.testing.assert_close(said, (outputs[0] + outputs[1]) / 2)


def headless(folder: Path) -> None:
    path = folder / "model.safetensors"
    stored = {
        k: t for k, t in load_file(path).items() if not k.startswith("classifier")
    }
    save_file(stored, path)


def other_head(folder: Path) -> None:
    path = folder / "model.safetensors"
    stored = load_file(path)
    stored["classifier.dense.weight"] = stored.pop("classifier.weight")
    save_file(stored, path)


def of_encoder(folder: Path) -> None:
    stock = transformers.Wav2Vec2Model.from_pretrained(folder)
    stock.save_pretrained(folder)
    edit(folder / "config.json", architectures=None)


def config(**changes: object) -> Callable[[Path], None]:
    return lambda folder: edit(folder / "config.json", **changes)


def preprocessor(**changes: object) -> Callable[[Path], None]:
    return lambda folder: edit(folder / "preprocessor_config.json", **changes)


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (headless, r"aren't those of a Wav2Vec2For.*the file lacks classifier\.bias"),
        (other_head, r"lacks classifier\.weight, has besides classifier\.dense"),
        (of_encoder, "the file lacks classifier"),
        (config(num_hidden_layers=3), r"the file lacks wav2vec2\.encoder\.layers\.2"),
        (config(id2label={"0": "a"}), "in another shape"),
        (config(id2label={"1": "a", "2": "b"}), "doesn't number its labels from 0"),
        (config(id2label=["a", "b"]), "doesn't number its labels from 0"),
        (config(model_type="bert"), "of type 'bert', of which transformers has no"),
        (config(model_type=["x"]), r"of type \['x'\], of which"),
        (config(architectures=["OursForSpeech"]), "saved as OursForSpeech, which may"),
        (config(conv_kernel="x"), "can't be loaded"),
        (config(hidden_size=1 << 20), "far larger than its weights"),
        (preprocessor(sampling_rate=7), "would take sound at 7 Hz"),
        (preprocessor(sampling_rate="x"), "would take sound at x Hz"),
        (without("preprocessor_config.json"), r"no preprocessor_config\.json: name"),
        (without("config.json"), r"no config\.json: name a folder or a repository"),
        (without("model.safetensors"), "holds no weights: it needs model"),
    ],
)
def test_what_is_no_whole_classifier_is_refused(
    damage: Callable[[Path], None], sentence: str, copy: Path
) -> None:
    damage(copy)
    with pytest.raises(EncoderError, match=sentence):
        open_candidate(str(copy))


class Marks:
    """What leaves a mark where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def test_nothing_of_a_folder_is_run(copy: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"import pathlib; pathlib.Path({str(mark)!r}).touch()"
    (copy / "theirs.py").write_text(code)
    for name in ("config.json", "preprocessor_config.json"):
        before = (copy / name).read_text()
        edit(copy / name, auto_map={"AutoModelForAudioClassification": "theirs.Theirs"})
        with pytest.raises(EncoderError, match=r"needs code of its own \(auto_map"):
            open_candidate(str(copy))
        (copy / name).write_text(before)
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save({**weights, "classifier.bias": Marks(mark)}, copy / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="Can't read the weights in"):
        open_candidate(str(copy))
    assert not mark.exists()


def test_weights_of_pytorch_s_format_are_read_as_tensors(
    published: Path, copy: Path
) -> None:
    stored = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(stored, copy / "pytorch_model.bin")
    assert read(copy).fingerprint() == read(published).fingerprint()


def test_a_repository_of_the_hub_is_known_by_its_name(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    fill_cache(tmp_path, "owner/name", published, absent=("crossemo.yaml",))
    candidate = read(Path("owner/name"))
    assert (candidate.name, candidate.repositories) == ("owner/name", ("owner/name",))
    assert candidate.describe()["repository"] == "owner/name"


@pytest.mark.parametrize("name", ["", "nowhere", "logs/x/version_0", "a/b/c"])
def test_what_is_no_model_is_refused(name: str, here: Path) -> None:
    with pytest.raises(
        EncoderError, match=r"There is no model '.*': name a folder of a"
    ):
        open_candidate(name)
