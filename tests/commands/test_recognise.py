"""crossemo recognise on files of many kinds, by a model of random weights."""

import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch import Tensor

from crossemo.recognizer import EmotionRecognizer
from tests.encoders.tiny import ONE_EACH, write_tiny
from tests.sharing.models import CLASSES, moved, shared
from tests.shell import run

RATE = 16_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, wav2vec2: Path) -> Path:
    """The folder of a shared model."""
    folder = tmp_path_factory.mktemp("shared") / "model"
    shared(moved(wav2vec2), folder)
    return folder


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Recordings of several formats and rates, one of which is none."""
    rng, folder = np.random.default_rng(0), tmp_path / "sounds"
    (folder / "below").mkdir(parents=True)
    noise = 0.1 * rng.standard_normal(2 * RATE)
    soundfile.write(folder / "a.wav", noise[: RATE // 2], RATE)
    soundfile.write(folder / "b.flac", noise, RATE)
    stereo = np.stack([noise, noise], 1)
    soundfile.write(folder / "below" / "c.ogg", stereo, RATE)
    soundfile.write(folder / "below" / "d.wav", soxr.resample(noise, 16, 22), 22_000)
    (folder / "bad.wav").write_bytes(b"RIFF of nothing")
    return folder


def logits(loaded: EmotionRecognizer, samples: np.ndarray) -> Tensor:
    clip = torch.from_numpy(samples.astype(np.float32))[None]
    with torch.no_grad():
        outputs: Tensor = loaded(clip, torch.tensor([clip.shape[1]]))
    return outputs[0]


def recognise(
    *typed: object, monkeypatch: pytest.MonkeyPatch, fails: bool = False
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("recognise", *typed, monkeypatch=monkeypatch)
    assert ended.value.code == int(fails)


def rows(text: str) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(text))]


def test_every_file_gets_the_answer_that_it_gets_alone(
    model: Path,
    sounds: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recognise(sounds, "--model", model, monkeypatch=monkeypatch, fails=True)
    printed = capsys.readouterr()
    assert "bad.wav" in printed.err
    assert "1 of 5 recordings can't be used" in printed.err
    answers = {Path(row["file"]).name: row for row in rows(printed.out)}
    assert [*answers] == ["a.wav", "b.flac", "c.ogg", "d.wav"]
    loaded = EmotionRecognizer.from_pretrained(model)
    for name, row in answers.items():
        values = torch.tensor([float(row[one]) for one in CLASSES])
        assert row["emotion"] == CLASSES[int(values.argmax())]
        if name in ("a.wav", "b.flac"):
            expected = logits(loaded, soundfile.read(sounds / name)[0]).softmax(0)
            torch.testing.assert_close(values, expected, rtol=0, atol=1e-6)
        alone = loaded.recognise(row["file"])
        assert [*alone] == [*CLASSES]
        assert [*alone.values()] == pytest.approx(values.tolist(), abs=1e-6)
    lengths = [float(row["end"]) for row in answers.values()]
    assert lengths == pytest.approx([0.5, 2, 2, 2], abs=1e-3)


@pytest.mark.parametrize("family", ONE_EACH)
def test_models_of_every_family_recognise(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    family: str,
) -> None:
    shared(moved(write_tiny(tmp_path / "encoder", family)), tmp_path / "model")
    loaded = EmotionRecognizer.from_pretrained(tmp_path / "model")
    noise = 0.1 * np.random.default_rng(0).standard_normal(32_000)
    files = [tmp_path / "long.wav", tmp_path / "short.wav"]
    for file, samples in zip(files, (32_000, 8000), strict=True):
        soundfile.write(file, noise[:samples], loaded.encoder.sampling_rate)
    recognise(*files, "--model", tmp_path / "model", monkeypatch=monkeypatch)
    for file, row in zip(files, rows(capsys.readouterr().out), strict=True):
        values = torch.tensor([float(row[one]) for one in CLASSES])
        expected = logits(loaded, soundfile.read(file)[0]).softmax(0)
        torch.testing.assert_close(values, expected, rtol=0, atol=1e-6)


def test_names_may_come_on_standard_input(
    model: Path,
    sounds: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = f"{sounds / 'b.flac'}\n{sounds / 'a.wav'}\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(names)))
    typed = ["-", "--model", model, "--form=jsonl"]
    recognise(*typed, monkeypatch=monkeypatch)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(line["file"]).name for line in lines] == ["b.flac", "a.wav"]
    assert sum(lines[0][name] for name in CLASSES) == pytest.approx(1, abs=1e-6)


def test_windows_are_answered_for_one_by_one_and_drawn(
    model: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = [sounds / "b.flac", "--model", model, "--window=0.5", "--hop=0.25"]
    typed += ["--to=t.csv", "--figures=drawn"]
    recognise(*typed, monkeypatch=monkeypatch)
    answers = rows((tmp_path / "t.csv").read_text())
    starts = [float(row["start"]) for row in answers]
    assert starts == [0.25 * number for number in range(7)]
    samples = soundfile.read(sounds / "b.flac")[0]
    loaded = EmotionRecognizer.from_pretrained(model)
    for row in answers:
        first = int(float(row["start"]) * RATE)
        expected = logits(loaded, samples[first : first + RATE // 2]).softmax(0)
        values = torch.tensor([float(row[one]) for one in CLASSES])
        torch.testing.assert_close(values, expected, rtol=0, atol=1e-6)
    assert {path.suffix for path in (tmp_path / "drawn").iterdir()} == {".png", ".pdf"}


def test_a_table_is_gone_on_with(
    model: Path,
    sounds: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (sounds / "bad.wav").unlink()
    typed: list[Any] = ["--model", model, f"--to={tmp_path / 't.csv'}"]
    recognise(sounds / "a.wav", *typed, monkeypatch=monkeypatch)
    first = (tmp_path / "t.csv").read_text()
    os.rename(sounds / "a.wav", sounds / "gone")  # whoever heard it again would see
    (sounds / "a.wav").touch()
    recognise(sounds, *typed, monkeypatch=monkeypatch)
    whole = (tmp_path / "t.csv").read_text()
    assert whole.startswith(first)
    assert len(rows(whole)) == 4
    with pytest.raises(SystemExit) as ended:
        run("recognise", sounds, *typed, "--window=1", monkeypatch=monkeypatch)
    assert "the two don't belong together" in str(ended.value)
    assert (tmp_path / "t.csv").read_text() == whole


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (["{empty}", "--model={model}"], "There is no audio in"),
        (["{empty}/no.wav", "--model={empty}"], "is neither the folder of a run"),
        (["a.wav", "--model={model}", "--figures=x"], "give --window too"),
        (["a.wav", "--model={model}", "--to=x.csv", "--form=csv"], "leave --form out"),
        (["a.wav", "--model={model}", "--scale=deam"], "knows no scale of deam"),
        (["a.wav", "--model={model}", "--hop=1"], "there is no window"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: list[str],
    why: str,
) -> None:
    words = [word.format(model=model, empty=tmp_path) for word in typed]
    with pytest.raises(SystemExit) as ended:
        run("recognise", *words, monkeypatch=monkeypatch)
    assert why in str(ended.value)


@pytest.mark.parametrize("chosen", [None, "500"])
def test_onednn_keeps_few_shapes_unless_the_user_chooses(
    chosen: str | None, model: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    if chosen is None:
        monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv(name, chosen)
    recognise(sounds / "a.wav", "--model", model, monkeypatch=monkeypatch)
    assert os.environ[name] == (chosen or "64")
