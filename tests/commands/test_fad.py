import csv
import json
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import torch
import yaml

from crossemo.cli import main
from crossemo.commands.fad import compare_folders
from crossemo.corpora.folders import Folders
from crossemo.distances.frechet import frechet_distance
from crossemo.encoders import load_encoder
from crossemo.errors import CrossEmoError
from crossemo.similarity import Settings
from tests.encoders.tiny import edit_config
from tests.encoders.tiny import write_tiny as write_encoder
from tests.encoders.tiny_embeddings import RATES, published, write_tiny
from tests.leaving import check_files

RATE = 16_000
QUICK = Settings(splits=2, permutations=19)


def tone(path: Path, pitch: float, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    samples = 0.3 * np.sin(2 * np.pi * pitch * np.arange(RATE // 4) / RATE)
    noise = 0.01 * rng.standard_normal(len(samples))
    soundfile.write(path, samples + noise, RATE)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech by three speakers in folders of theirs, music by name."""
    root = tmp_path_factory.mktemp("folders")
    seed = 0
    for emotion, pitch in (("angry", 400), ("Sad", 150), ("calm", 200)):
        for who in range(3):
            for take in range(2):
                seed += 1
                where = root / "speech" / emotion / f"s{who}"
                tone(where / f"{take}.wav", pitch + 30 * who, seed)
                if emotion != "calm":
                    name = f"song{who}-{take}.flac"
                    tone(root / "music" / emotion.lower() / name, pitch, 100 + seed)
    (root / "speech" / "angry" / "notes.txt").write_text("no audio")
    (root / "speech" / "angry" / ".hidden.wav").write_text("no audio")
    (root / "music" / "sad" / "broken.wav").write_text("no audio")
    return root


def test_groups_are_folders_files_or_matches(root: Path) -> None:
    speech = Folders(root / "speech").clips()
    assert len(speech) == 18
    assert {clip.groups[0] for clip in speech} == {"s0", "s1", "s2"}
    assert {clip.label for clip in speech} == {"angry", "sad", "calm"}
    music = Folders(root / "music").clips()
    assert len({clip.groups[0] for clip in music}) == len(music) == 13
    songs = Folders(root / "music", groups=r"song(\d)|broken").clips()
    assert {clip.groups[0] for clip in songs} == {"0", "1", "2", "broken"}


def test_folders_may_be_links(root: Path, tmp_path: Path) -> None:
    (tmp_path / "angry").mkdir()
    (tmp_path / "angry" / "one").symlink_to(root / "speech" / "angry" / "s1")
    clips = Folders(tmp_path).clips()
    assert [clip.groups[0] for clip in clips] == ["one", "one"]


def test_one_command_compares_two_folders(
    root: Path,
    wav2vec2: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = torch.get_num_threads()
    folders = [str(root / "speech"), str(root / "music")]
    typed = [*folders, "--encoder", str(wav2vec2), "--threads=2"]
    try:
        main(["fad", *typed, "--estimate.splits=2", "--layers=[0,2]"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    folder = tmp_path / "logs" / "fad" / "version_0"
    with (folder / "fad.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["layer"] for row in rows} == {"0", "2"}
    assert {row["x_emotion"] for row in rows} == {"angry", "sad"}
    assert {(row["x_domain"], row["y_domain"]) for row in rows} == {
        ("speech", "music"),
        ("speech", "speech"),
        ("music", "music"),
    }
    assert {path.name for path in (folder / "figures").iterdir()} == {
        f"{name}.{kind}"
        for kind in ("png", "pdf")
        for name in (
            "fad",
            "fad_above_chance",
            "kernel",
            "fad_layers",
            "fad_over_layers",
            "emotions_over_layers",
        )
    }
    check_files("fad", folder)
    told = json.loads((folder / "results.json").read_text())
    ((name, reason),) = told["roles"]["music"]["left_out"].items()
    assert name == "music/sad/broken.wav"
    assert "is not audio" in reason
    assert told["settings"] == yaml.safe_load((folder / "config.yaml").read_text())
    main(["fad", f"--config={folder / 'config.yaml'}"])  # and once more
    with (tmp_path / "logs" / "fad" / "version_1" / "fad.csv").open() as file:
        again = [float(row["value"]) for row in csv.DictReader(file)]
    # With another number of threads.
    values = [float(row["value"]) for row in rows]
    assert again == pytest.approx(values, rel=1e-3, abs=1e-6, nan_ok=True)
    shown = capsys.readouterr().out
    assert "nearest is the same emotion" in shown
    assert "Results: logs/fad/version_0" in shown
    assert "Only one of the folders has calm" in caplog.text
    assert "1 of 13 clips can't be used" in caplog.text


def test_values_are_those_of_the_encoder(
    root: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    folder = compare_folders(
        root / "speech",
        root / "music",
        str(wav2vec2),
        layers=1,
        logs=tmp_path,
        estimate=QUICK,
    )
    with (folder / "fad.csv").open() as file:
        (row,) = (
            row
            for row in csv.DictReader(file)
            if row["estimator"] == "fad"
            and (row["x_domain"], row["y_domain"]) == ("speech", "music")
            and (row["x_emotion"], row["y_emotion"]) == ("angry", "sad")
        )
    encoder = load_encoder(str(wav2vec2)).eval()
    sets = []
    for pattern in ("speech/angry/*/*.wav", "music/sad/*.flac"):
        clips = []
        for path in root.glob(pattern):
            samples = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
            with torch.no_grad():
                states, _ = encoder(samples[None], torch.tensor([len(samples)]))
            clips.append(states[1, 0].mean(0))
        sets.append(torch.stack(clips))
    expected = frechet_distance(*sets).item()
    assert float(row["value"]) == pytest.approx(expected, rel=1e-3)
    assert (row["x_n"], row["y_n"], row["x_groups"], row["y_groups"]) == (
        "6",
        "6",
        "3",
        "6",
    )


@pytest.mark.parametrize("kind", ["clap", "encodec", "dac"])
def test_published_embeddings_can_be_measured_in(
    root: Path, tmp_path: Path, kind: str
) -> None:
    folder = write_tiny(tmp_path / kind, kind)
    where = root / "speech", root / "music"
    options: Any = {"logs": tmp_path, "estimate": QUICK, "unit": "both"}
    run = compare_folders(*where, str(folder), **options)
    with (run / "fad.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["layer"] for row in rows} == {"0"}
    values = {
        row["unit"]: (float(row["value"]), int(row["x_n"]), int(row["x_groups"]))
        for row in rows
        if (row["estimator"], row["x_domain"], row["y_domain"])
        == ("fad", "speech", "music")
        and (row["x_emotion"], row["y_emotion"]) == ("angry", "sad")
    }
    sets = []
    for pattern in ("speech/angry/*/*.wav", "music/sad/*.flac"):
        clips = []
        for path in root.glob(pattern):
            samples = soundfile.read(path, dtype="float32")[0]
            clip = torch.from_numpy(soxr.resample(samples, RATE, RATES[kind]))
            clips.append(published(folder, kind, clip))
        sets.append(clips)
    means = [torch.stack([one.mean(0) for one in clips]) for clips in sets]
    frames = [torch.cat(clips) for clips in sets]
    # What was resampled is kept rounded, and CLAP's decibels show it in quiet bands.
    for unit, (x, y) in {"clip": means, "frame": frames}.items():
        value, *counts = values[unit]
        assert value == pytest.approx(frechet_distance(x, y).item(), rel=1e-2)
        assert counts == [len(x), 3]


def test_frames_alone_have_neither_intervals_nor_measures(
    root: Path, wav2vec2: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    where = root / "speech", root / "music", str(wav2vec2)
    run = compare_folders(*where, layers=0, logs=tmp_path, unit="frames")
    with (run / "fad.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["unit"], row["low"], row["p"]) for row in rows} == {
        ("frame", "nan", "nan")
    }
    assert not (run / "similarity.csv").exists()
    assert (run / "figures" / "fad.png").exists()
    assert "Distances of frames have neither intervals nor p-values" in caplog.text


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        ("speech", "speech", {}, "is given twice"),
        ("speech", "nowhere", {}, "nowhere does not exist"),
        ("speech", "speech/angry", {}, "share no emotion: one has angry, calm, sad"),
        ("speech/angry/s0", "music", {}, "has no audio in sub-folders"),
        ("speech", "music", {"groups": "("}, "is no regular expression"),
        ("speech", "music", {"groups": "xyz"}, "finds nothing in"),
        ("speech", "music", {"layers": []}, "layers is empty"),
        ("speech", "music", {"device": "cuda:7"}, "There is no device cuda:7 here"),
        ("speech", "music", {"device": "meta"}, "There is no device meta here"),
        ("speech", "music", {"attention": "flex"}, "Unknown attention 'flex'"),
        ("speech", "music", {"layers": [7]}, "names state 7, .* the states 0 to 2"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    root: Path,
    wav2vec2: Path,
    tmp_path: Path,
    first: str,
    second: str,
    options: Any,
    message: str,
) -> None:
    with pytest.raises(CrossEmoError, match=message):
        compare_folders(
            root / first, root / second, str(wav2vec2), logs=tmp_path, **options
        )
    assert not list(tmp_path.iterdir())


def test_folders_of_one_name_are_known_for_the_corpus_of_that_name(
    root: Path, tmp_path: Path
) -> None:
    encoder = write_encoder(tmp_path / "encoder", "wav2vec2")
    edit_config(encoder, _name_or_path="emotion2vec/emotion2vec_plus_seed")
    speech, music = (tmp_path / one / "ravdess" for one in ("speech", "music"))
    copytree(root / "speech", speech)
    copytree(root / "music", music)
    with pytest.raises(CrossEmoError, match="fine-tuned on ravdess"):
        compare_folders(speech, music, str(encoder), logs=tmp_path / "x", strict=True)


def test_a_folder_of_copies_under_two_emotions_is_refused(
    root: Path, wav2vec2: Path, tmp_path: Path
) -> None:
    content = next((root / "music" / "sad").glob("*.flac")).read_bytes()
    for emotion in ("angry", "sad"):
        (tmp_path / "copies" / emotion).mkdir(parents=True)
        (tmp_path / "copies" / emotion / f"{emotion}.flac").write_bytes(content)
    with pytest.raises(CrossEmoError, match="copies has no clip of an emotion"):
        compare_folders(
            root / "speech", tmp_path / "copies", str(wav2vec2), logs=tmp_path
        )
