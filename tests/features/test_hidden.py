import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossemo import audio
from crossemo.corpora.base import Clip
from crossemo.data.dataset import ClipDataset, joined
from crossemo.data.waveforms import WaveformStore
from crossemo.data.windows import Windowing
from crossemo.encoders import SSLEncoder, load_encoder
from crossemo.features import store as kept
from crossemo.features.hidden import (
    FeatureError,
    HiddenStore,
    features_folder,
    keep_features,
)
from tests.encoders.tiny import ONE_EACH, write_tiny
from tests.examples import examples_of, numbered
from tests.noise import Noise
from tests.shell import corpora, run


def dataset(count: int = 9, start: int = 0, shortest: int = 300) -> ClipDataset:
    examples = numbered(start + count)[start:]
    lengths = {e.key: shortest + 50 * (n % 4) for n, e in enumerate(examples)}
    return ClipDataset(examples, Noise(lengths))


@pytest.fixture
def encoder(wav2vec2: Path) -> SSLEncoder:
    return load_encoder(str(wav2vec2))


@pytest.fixture
def counted(encoder: SSLEncoder, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips the encoder saw, batch by batch."""
    seen: list[int] = []
    forward = encoder.forward

    def watched(waveforms: Tensor, lengths: Tensor) -> Any:
        seen.append(len(waveforms))
        return forward(waveforms, lengths)

    monkeypatch.setattr(encoder, "forward", watched)
    return seen


@pytest.mark.parametrize(
    ("family", "precision", "rtol"),
    [("wav2vec2", "float16", 2e-3), *((one, "float32", 1e-5) for one in ONE_EACH)],
)
def test_they_are_moments_of_each_clip_alone(
    tmp_path: Path, family: str, precision: Any, rtol: float
) -> None:
    encoder = load_encoder(str(write_tiny(tmp_path / "encoder", family)))
    data = dataset(shortest=max(300, encoder.min_samples))
    found = keep_features(encoder, [data], 4, precision, tmp_path / "kept")
    for place, key in enumerate(data.keys):
        batch = data[place]
        with torch.no_grad():
            states, _ = encoder(batch.inputs, batch.lengths)
        mean, deviation = found.means[key], found.deviations[key]
        assert mean.dtype == getattr(torch, precision)
        torch.testing.assert_close(
            mean.float(), states[:, 0].mean(1), rtol=rtol, atol=rtol
        )
        expected = states[:, 0].std(1, correction=0)
        torch.testing.assert_close(deviation.float(), expected, rtol=rtol, atol=rtol)


def test_no_clip_is_seen_twice(
    encoder: SSLEncoder, counted: list[int], tmp_path: Path
) -> None:
    keep_features(encoder, [dataset(5)], cache_dir=tmp_path)
    assert sum(counted) == 5
    found = keep_features(encoder, [dataset(5), dataset(7, 3)], cache_dir=tmp_path)
    assert sum(counted) == 10  # clips 0 to 4 were there, 5 to 9 were not
    assert len(found.means) == 10
    keep_features(encoder, [dataset(10)], cache_dir=tmp_path)
    assert sum(counted) == 10


def test_whatever_changes_a_feature_changes_where_it_is_kept(
    encoder: SSLEncoder,
    wav2vec2: Path,
    tmp_path: Path,
    counted: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep_features(encoder, [dataset(4)], cache_dir=tmp_path)
    changed = dataset(4)
    changed.examples[1] = replace(changed.examples[1], key="other content")
    changed.store = Noise(dict(zip(changed.keys, changed.lengths, strict=True)))
    keep_features(encoder, [changed], cache_dir=tmp_path)
    assert sum(counted) == 5
    home = features_folder(encoder, cache_dir=tmp_path)
    folders = {home, features_folder(encoder, "float16", tmp_path)}
    other = tmp_path / "encoder"
    shutil.copytree(wav2vec2, other)
    assert features_folder(load_encoder(str(other)), cache_dir=tmp_path) == home
    weights = next(other.glob("*.safetensors"))
    tensors = load_file(weights)
    name = next(key for key in tensors if "layers.0" in key)
    save_file(tensors | {name: tensors[name] + 1}, weights, {"format": "pt"})
    folders.add(features_folder(load_encoder(str(other)), cache_dir=tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(kept, "__version__", "0.0.0")
        folders.add(features_folder(encoder, cache_dir=tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(audio, "RESAMPLER", "another")
        folders.add(features_folder(encoder, cache_dir=tmp_path))
    assert len(folders) == 5


def test_kept_clips_stand_in_for_waveforms(encoder: SSLEncoder, tmp_path: Path) -> None:
    data = dataset(4)
    lengths = data.lengths
    found = keep_features(encoder, [data], cache_dir=tmp_path)
    served = ClipDataset(data.examples, HiddenStore(data, found))
    batch = served[[2, 0]]
    assert batch.content == "means"
    assert batch.inputs.shape == (2, encoder.num_states, encoder.width)
    torch.testing.assert_close(batch.inputs[1], found.means[data.keys[0]])
    assert batch.lengths.tolist() == [lengths[2], lengths[0]]
    assert served.sounds.equal(data.sounds)  # of the waveforms


def test_a_recording_of_two_corpora_is_served_as_each_cuts_it(
    encoder: SSLEncoder, tmp_path: Path
) -> None:
    whole = dataset(2)
    windows = Windowing(160, 160)
    cut = ClipDataset(
        [replace(one, windowing=windows) for one in whole.examples], whole.store
    )
    found = keep_features(encoder, [whole, cut], cache_dir=tmp_path)
    keys = [*whole.keys, *cut.keys]
    assert len(set(keys)) == 4
    role = joined([whole, cut])
    in_one_role = ClipDataset(role.examples, HiddenStore(role, found))
    roles = [ClipDataset(one.examples, HiddenStore(one, found)) for one in (whole, cut)]
    for served in (in_one_role, joined(roles)):
        for place, key in enumerate(keys):
            torch.testing.assert_close(served[place].inputs[0], found.means[key])


def test_a_folder_that_cannot_be_written_is_named(
    encoder: SSLEncoder, tmp_path: Path
) -> None:
    (tmp_path / "features").write_text("a file")
    with pytest.raises(FeatureError, match=r"can't be written to .*features"):
        keep_features(encoder, [dataset(2)], cache_dir=tmp_path)


@pytest.mark.slow
def test_killed_or_together_processes_keep_the_same(
    tmp_path: Path, wav2vec2: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.features.keeping",
        str(tmp_path),
        str(wav2vec2),
    ]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["killed"] == 10
    assert report["same_after_kills"]
    assert report["codes"] == [0, 0]
    assert report["same_by_two"]
    # No file was made twice, and both had the whole.
    assert report["files_by_two"] == report["files"]


def weights(folder: Path) -> dict[str, Tensor]:
    path = folder / "checkpoints" / "target.ckpt"
    state: dict[str, Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return state


@pytest.mark.parametrize(
    ("keep", "typed"),
    [
        ("true", ["--model.dropout=0.2"]),
        ("true", ["--model.layers=1"]),
        ("frames", ["--model.pooling=attentive", "--fad.unit=frames"]),
    ],
    ids=["weighted", "one layer", "frames"],
)
def test_training_from_them_is_training_with_the_encoder(
    keep: str,
    typed: list[str],
    ravdess: Path,
    wav2vec2: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    for how in (keep, "false"):
        caplog.clear()
        run(
            "fit",
            "--config=ravdess_speech_to_song.yaml",
            f"--model.encoder={wav2vec2}",
            "--model.tuning=frozen",
            "--model.lr=1e-2",
            "--stages.source.max_epochs=2",
            "--stages.target.max_epochs=2",
            "--stages.target.reset_head=true",
            "--data.batch_size=8",
            "--fad.layers=mixture",
            "--trainer.enable_progress_bar=false",
            f"--keep_features={how}",
            f"--name={how}",
            *typed,
            *corpora(ravdess),
            monkeypatch=monkeypatch,
        )
        assert ("it sees each clip once" in caplog.text) == (how == keep)
    folders = [tmp_path / "logs" / name / "version_0" for name in (keep, "false")]
    from_kept, looped = (weights(folder) for folder in folders)
    assert from_kept.keys() == looped.keys()
    # AdamW magnifies rounding where gradients are tiny, up to a tenth of a step here.
    tolerance = 1e-3 if keep == "frames" else 1e-5
    for name, tensor in from_kept.items():
        torch.testing.assert_close(tensor, looped[name], rtol=1e-4, atol=tolerance)
    scores = [json.loads((f / "results.json").read_text())["stages"] for f in folders]
    for stage in ("source", "target"):
        for role in ("source", "target"):
            one, other = (score[stage]["scores"][role] for score in scores)
            assert one["confusion"] == other["confusion"]


@pytest.mark.parametrize(
    "typed",
    [
        ["--model.tuning=lora"],
        ["--model.tuning=frozen", "--stages.target.train=all"],
        ["--model.tuning=frozen", "--model.pooling=attentive"],
        ["--model.tuning=frozen", "--model.layer_norm=true"],
        ["--model.tuning=frozen", "--trainer.precision=bf16-mixed"],
        ["--model.tuning=frozen", "--fad.unit=frames", "--fad.enabled=true"],
    ],
    ids=["lora", "all later", "attentive", "layer norm", "bf16", "frames"],
)
def test_the_encoder_stays_in_the_loop_where_it_matters(
    typed: list[str],
    ravdess: Path,
    wav2vec2: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CROSSEMO_CACHE", str(tmp_path / "cache"))
    run(
        "fit",
        "--config=ravdess_speech_to_song.yaml",
        f"--model.encoder={wav2vec2}",
        "--stages.source.max_steps=1",
        "--stages.target.max_steps=1",
        "--fad.enabled=false",
        "--figures=false",
        "--trainer.enable_progress_bar=false",
        *typed,
        *corpora(ravdess),
        monkeypatch=monkeypatch,
    )
    assert (tmp_path / "cache" / "waveforms").exists()
    assert not (tmp_path / "cache" / "features").exists()


def test_two_windows_of_a_song_have_features_of_their_own(
    encoder: SSLEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "song.wav"
    rng = np.random.default_rng(0)
    soundfile.write(path, rng.uniform(-0.5, 0.5, 16_000), 16_000, "FLOAT")
    windows = [
        Clip(f"song/{n}", path, ("song",), "sad", start=n / 2, end=(n + 1) / 2)
        for n in range(2)
    ]
    examples = examples_of(windows)
    store = WaveformStore.prepare(examples, 16_000, tmp_path / "cache")
    features = keep_features(
        encoder, [ClipDataset(examples, store)], cache_dir=tmp_path / "cache"
    )
    first, second = (features.means[one.key] for one in examples)
    for one, mean in zip(windows, (first, second), strict=True):
        samples = torch.from_numpy(audio.decode(path, 16_000, one.start, one.end))
        with torch.no_grad():
            states, _ = encoder(samples[None], torch.tensor([len(samples)]))
        torch.testing.assert_close(mean, states[:, 0].mean(1), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(first, second, atol=1e-2)
