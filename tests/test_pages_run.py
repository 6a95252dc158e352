"""The pages on using a model: what they have a reader type, typed in order."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
import yaml

from crossemo import load_encoder
from tests.judging.published import LABELS, write_classifier
from tests.leaving import names_under
from tests.pages import ROOT, TYPED, typed
from tests.sharing.test_pushing import hub
from tests.shell import CONFIGS, status

EXPORT = ROOT / "docs" / "export.md"
QUICK = {
    "audit": ["--audit.epochs=2", "--audit.repeats=2", "--figures=false"],
    "judge": ["--figures=false"],
}
SHORT: dict[str, Any] = {
    "fad": {"enabled": False},
    "figures": False,
    "trainer": {"accelerator": "cpu", "enable_progress_bar": False},
}


def shorten(name: str) -> None:
    """Write a config of ours with little to do, which is found before ours."""
    content = yaml.safe_load((CONFIGS / name).read_text()) | SHORT
    content["model"]["encoder"] = "path/to/a/folder"
    content["stages"] = {stage: {"max_epochs": 1} for stage in content["stages"]}
    data = content["data"]["init_args"]
    data["split"] = "leave_one_out"
    for role in ("source", "target"):
        if data[role]["class_path"] == "Demo":
            data[role]["init_args"] |= {"speakers": 3, "takes": 1}
    path = Path("configs", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content))


@pytest.fixture
def reader(here: Path, ravdess: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that the pages name."""
    Path("data").mkdir()
    Path("data/ravdess").symlink_to(ravdess)
    write_classifier(Path("path/to/a/folder"))
    for config in ("ravdess_speech_to_song.yaml", "demo.yaml"):
        shorten(config)
    Path("logs").mkdir()
    Path("logs/NAME").symlink_to("ravdess_speech_to_song")
    Path("interviews").mkdir()
    clips = sorted(ravdess.rglob("*.wav"))
    for name, clip in zip(
        ("song", "interviews/a", "interviews/b"), clips, strict=False
    ):
        shutil.copy(clip, f"{name}.wav")
    soundfile.write("concert.wav", torch.randn(8 * 16_000) / 10, 16_000)
    # transformers asks for ffmpeg, which isn't everywhere.
    monkeypatch.setattr(
        "transformers.pipelines.audio_classification.ffmpeg_read",
        lambda content, rate: torch.zeros(rate).numpy(),
    )
    return here


def type_page(page: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Type all of a page, and return the names that its Python leaves."""
    names: dict[str, Any] = {"waveforms": torch.randn(2, 8000)}
    names["lengths"] = torch.tensor([8000, 6000])
    for step in typed(page):
        if isinstance(step, str):
            exec(step, names)
            continue
        if "--labels.LABEL_0=angry" in step:
            shutil.rmtree("path/to/a/folder")
            labels = ("LABEL_0", "excited", "other", *LABELS[:1], *LABELS[2:])
            write_classifier(Path("path/to/a/folder"), labels=labels)
        step = ["path/to/a/folder" if w == "wavlm-base-plus" else w for w in step]
        step += QUICK.get(step[0], [])
        assert status(step, monkeypatch) == 0, step
    return names


def table(path: str) -> list[dict[str, str]]:
    with open(path) as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_what_the_pages_have_a_reader_type_does_what_they_say(
    reader: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CROSSEMO_CACHE", str(reader / "cache"))
    with hub(monkeypatch) as place:
        names = {page: type_page(page, monkeypatch) for page in TYPED}
    said = capsys.readouterr().out
    runs = {path.name for path in Path("logs/ravdess_speech_to_song").iterdir()}
    assert runs == {"version_0", "test_0", "predict_0", "version_1"}
    answers = table("answers.csv")
    assert [row["file"] for row in answers] == ["interviews/a.wav", "interviews/b.wav"]
    classes = names["export"]["model"].classes
    assert [*answers[0]] == ["file", "start", "end", "emotion", *classes, "warning"]
    assert sum(names["recognise"]["model"].recognise("song.wav").values()) == (
        pytest.approx(1)
    )
    assert {path.suffix for path in Path("figures").iterdir()} == {".png", ".pdf"}
    listed = names_under("file", "## What a folder holds", EXPORT)
    for folder in ("my_model", "for_the_hub", "with_onnx"):
        files = {path.name for path in Path(folder).iterdir()}
        assert files | {"model.onnx"} == {name.strip("/") for name in listed}
        assert ("model.onnx" in files) == (folder == "with_onnx")
    assert set(place.files) > {"README.md", "crossemo.yaml", "model.safetensors"}
    assert names["export"]["logits"].shape == (2, len(classes))
    shares = names["export"]["classifier"]("song.wav", top_k=None)
    assert {one["label"] for one in shares} == {*classes}
    judged = sorted(Path("logs/judged").glob("version_*/results.json"))
    folds = [json.loads(path.read_text())["split"]["fold"] for path in judged]
    assert folds == [0, 0, 1, 2, 3, 0]
    assert Path("logs/report/version_0/report.html").is_file()
    assert "shuffled clips" in Path("logs/audit/version_2/audit.md").read_text()
    assert "Pushed: " in said
    assert load_encoder("folder").sampling_rate == 16_000
    assert names["reliability"]["model"].reliability.caveat in said
